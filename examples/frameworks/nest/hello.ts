/**
 * A service on NestJS, with `ws` on Nest's own server. Decorators do not survive type stripping, so this folder is
 * compiled by its own tsc: `npx tsc -p examples/frameworks/nest`, then `goms start examples/frameworks/nest/dist/hello.js`.
 */
import 'reflect-metadata'
import type { Server } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { All, Body, Controller, Get, Injectable, Module, Query, Req, StreamableFile } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { callContext, service } from 'goms'
import { WebSocketServer } from 'ws'

async function* words(): AsyncGenerator<string> {
  for (const word of ['one', 'two', 'three']) {
    yield `${word}\n`
    await sleep(20)
  }
}

@Injectable()
class Calls {
  current(): object {
    const call = callContext()
    return { traceId: call?.traceId, caller: call?.caller, identity: call?.identity, leftMs: call?.leftMs() }
  }
}

@Controller()
class HelloController {
  readonly #calls: Calls

  constructor(calls: Calls) {
    this.#calls = calls
  }

  @All('echo')
  echo(@Req() req: { method: string; path: string }, @Query() query: object, @Body() body: unknown): object {
    return { method: req.method, path: req.path, query, body }
  }

  @Get('context')
  context(): object {
    return this.#calls.current()
  }

  @Get('stream')
  stream(): StreamableFile {
    return new StreamableFile(Readable.from(words()), { type: 'text/plain' })
  }
}

@Module({ controllers: [HelloController], providers: [Calls] })
class AppModule {}

export default service('hello', {
  async http() {
    const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
    const server: Server = app.getHttpServer()
    const sockets = new WebSocketServer({ server, path: '/ws' })
    sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))
    return app
  },
})
