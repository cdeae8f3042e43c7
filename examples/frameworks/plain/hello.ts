/** A service without a framework: a function that node:http would call, and `ws` for WebSockets. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { callContext, service } from 'goms'
import { WebSocketServer } from 'ws'

async function app(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://localhost')
  if (url.pathname === '/echo') {
    const body = req.headers['content-type'] === 'application/json' ? await json(req) : undefined
    const query = Object.fromEntries(url.searchParams)
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify({ method: req.method, path: url.pathname, query, body }))
  } else if (url.pathname === '/context') {
    const call = callContext()
    res.setHeader('Content-Type', 'application/json')
    res.end(
      JSON.stringify({
        traceId: call?.traceId,
        caller: call?.caller,
        identity: call?.identity,
        leftMs: call?.leftMs(),
      }),
    )
  } else if (url.pathname === '/stream') {
    res.setHeader('Content-Type', 'text/plain')
    for (const word of ['one', 'two', 'three']) {
      res.write(`${word}\n`)
      await sleep(20)
    }
    res.end()
  } else {
    res.writeHead(404).end()
  }
}

const sockets = new WebSocketServer({ noServer: true })
sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))

export default service('hello', {
  http: app,
  upgrade: (req, socket, head) => sockets.handleUpgrade(req, socket, head, (ws) => sockets.emit('connection', ws, req)),
})
