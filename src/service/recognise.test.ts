import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'
import type { GomsError } from '../core/errors.ts'
import { fromFetch } from './fetch-app.ts'
import { fromHandler } from './framework-app.ts'
import { toWebApp } from './recognise.ts'
import { service } from './service.ts'
import type { WebAppSource } from './web-app.ts'

const handler = (_req: IncomingMessage, res: ServerResponse): void => void res.end()

describe('a web application', () => {
  it.each<[string, string, WebAppSource]>([
    ['Express', 'handler', express()],
    ['Koa', 'koa', new Koa()],
    ['Fastify', 'fastify', fastify()],
    ['Hono', 'fetch', new Hono()],
    ['an http.Server', 'http.Server', createServer()],
    ['a function', 'handler', handler],
    ['a promise', 'koa', Promise.resolve(new Koa())],
    ['a function that makes one', 'fetch', () => new Hono()],
    ['an async function that makes one', 'fastify', async () => fastify()],
    ['an adapter', 'handler', fromHandler((...args: [IncomingMessage, ServerResponse]) => args[1].end())],
    ['another adapter', 'fetch', fromFetch(() => new Response())],
  ])('is recognised as %s', async (_, framework, source) => {
    expect((await toWebApp(source, 'user')).framework).toBe(framework)
  })

  it('of Fastify is not started before the service is', async () => {
    let ready = false
    const app = fastify()
    app.addHook('onReady', async () => {
      ready = true
    })
    const recognised = await toWebApp(app, 'user')
    expect(ready).toBe(false)
    await recognised.start?.()
    expect(ready).toBe(true)
  })

  it.each([
    [1, '1 (number)'],
    [null, 'null'],
    [{ router: true }, 'the keys router'],
    [(_request: unknown) => {}, 'with 1 parameter'],
    [() => undefined, 'undefined'],
    [() => () => handler, 'with 0 parameter'],
    [class AppModule {}, 'the class AppModule'],
  ])('is not %s', async (source, found) => {
    const error = (await toWebApp(source as unknown as WebAppSource, 'user').catch((e: unknown) => e)) as GomsError
    expect(`${error.message} ${error.detail?.found}`).toContain(found)
    expect(error.code).toBe('GOMS_APP_UNKNOWN')
    expect(error.detail?.fix).toContainEqual(expect.stringContaining('fromHandler((req, res) => …)'))
  })
})

describe('a service', () => {
  it('is data', () => {
    expect(service('user', { http: handler, version: '2' })).toEqual({
      kind: 'service',
      name: 'user',
      http: handler,
      version: '2',
    })
  })

  it.each(['my_user', '', 'a/b'])('cannot be called %j', (name) => {
    expect(() => service(name)).toThrow(expect.objectContaining({ code: 'GOMS_NAME_INVALID' }))
  })

  it.each([0, 1.5, -1, Number.NaN])('cannot take %s calls at once', (maxInFlight) => {
    expect(() => service('user', { maxInFlight })).toThrow(/expected `maxInFlight` to be an integer from 1 to 1000000/)
  })
})
