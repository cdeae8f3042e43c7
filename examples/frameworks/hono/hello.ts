/** A service on Hono, with `ws` on the server that goms attaches for it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { callContext, service } from 'goms'
import { Hono } from 'hono'
import { streamText } from 'hono/streaming'
import { WebSocketServer } from 'ws'

const app = new Hono()

app.all('/echo', async (c) => {
  const body = c.req.header('content-type') === 'application/json' ? await c.req.json() : undefined
  return c.json({ method: c.req.method, path: c.req.path, query: c.req.query(), body })
})

app.get('/context', (c) => {
  const call = callContext()
  return c.json({ traceId: call?.traceId, caller: call?.caller, identity: call?.identity, leftMs: call?.leftMs() })
})

app.get('/stream', (c) =>
  streamText(c, async (stream) => {
    for (const word of ['one', 'two', 'three']) {
      await stream.writeln(word)
      await sleep(20)
    }
  }),
)

export default service('hello', {
  http: app,
  attach(server) {
    const sockets = new WebSocketServer({ server, path: '/ws' })
    sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))
  },
})
