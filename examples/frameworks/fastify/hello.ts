/** A service on Fastify, with `ws` on Fastify's own server. */
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import fastify from 'fastify'
import { callContext, service } from 'goms'
import { WebSocketServer } from 'ws'

const app = fastify()

app.all('/echo', (request) => ({
  method: request.method,
  path: request.url.split('?')[0],
  query: request.query,
  body: request.body,
}))

app.get('/context', () => {
  const call = callContext()
  return { traceId: call?.traceId, caller: call?.caller, identity: call?.identity, leftMs: call?.leftMs() }
})

async function* words(): AsyncGenerator<string> {
  for (const word of ['one', 'two', 'three']) {
    yield `${word}\n`
    await sleep(20)
  }
}

app.get('/stream', (_request, reply) => reply.type('text/plain').send(Readable.from(words())))

const sockets = new WebSocketServer({ server: app.server, path: '/ws' })
sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))

export default service('hello', { http: app })
