/** NestJS microservices over TCP: JSON, one connection. Decorators are applied by hand, as there is no compiler here. */
import 'reflect-metadata'
import { createServer } from 'node:net'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { METHODS, methodName } from './payloads.mjs'

export async function serve() {
  const probe = createServer()
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  class Bench {}
  for (let i = 0; i < METHODS; i++) {
    const name = methodName(i)
    const descriptor = { value: (input) => input, writable: true, enumerable: false, configurable: true }
    Object.defineProperty(Bench.prototype, name, descriptor)
    MessagePattern(name)(Bench.prototype, name, descriptor)
  }
  Controller()(Bench)
  class App {}
  Module({ controllers: [Bench] })(App)
  const app = await NestFactory.createMicroservice(App, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port },
    logger: false,
  })
  await app.listen()
  return { port }
}

export async function open(port) {
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } })
  await client.connect()
  return Array.from({ length: METHODS }, (_, i) => {
    const name = methodName(i)
    return (input) => firstValueFrom(client.send(name, input))
  })
}
