/** A service on Koa, with `ws` on an http.Server around it. */
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { callContext, service } from 'goms'
import Koa from 'koa'
import { WebSocketServer } from 'ws'

const app = new Koa()

async function* words(): AsyncGenerator<string> {
  for (const word of ['one', 'two', 'three']) {
    yield `${word}\n`
    await sleep(20)
  }
}

app.use(async (ctx) => {
  if (ctx.path === '/echo') {
    const body = ctx.is('json') ? await json(ctx.req) : undefined
    ctx.body = { method: ctx.method, path: ctx.path, query: ctx.query, body }
  } else if (ctx.path === '/context') {
    const call = callContext()
    ctx.body = { traceId: call?.traceId, caller: call?.caller, identity: call?.identity, leftMs: call?.leftMs() }
  } else if (ctx.path === '/stream') {
    ctx.type = 'text/plain'
    ctx.body = Readable.from(words())
  }
})

// The server never listens: goms feeds it. Without WebSockets, `http: app` is all.
const server = createServer(app.callback())
const sockets = new WebSocketServer({ server, path: '/ws' })
sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))

export default service('hello', { http: server })
