/** A service on Express, with `ws` on an http.Server around it, as Express applications have it everywhere. */
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { callContext, service } from 'goms'
import { WebSocketServer } from 'ws'

const app = express()
app.use(express.json())

app.all('/echo', (req, res) => {
  res.json({ method: req.method, path: req.path, query: req.query, body: req.body })
})

app.get('/context', (_req, res) => {
  const call = callContext()
  res.json({ traceId: call?.traceId, caller: call?.caller, identity: call?.identity, leftMs: call?.leftMs() })
})

app.get('/stream', async (_req, res) => {
  res.type('text/plain')
  for (const word of ['one', 'two', 'three']) {
    res.write(`${word}\n`)
    await sleep(20)
  }
  res.end()
})

// The server never listens: goms feeds it. Without WebSockets, `http: app` is all.
const server = createServer(app)
const sockets = new WebSocketServer({ server, path: '/ws' })
sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))

export default service('hello', { http: server })
