/**
 * What a good hand makes of node:http and undici in an afternoon: raw header lists, `dispatch` without promises and streams,
 * one pool for each node, back-pressure both ways. No limits, no retry, no time-outs beyond undici's own.
 */
import { createServer } from 'node:http'
import { Pool } from 'undici'

const PREFIX = '/api/bench'.length
const HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

export function serve({ port, nodes }) {
  const pools = nodes.map((node) => new Pool(`http://127.0.0.1:${node}`, { connections: 128, pipelining: 1 }))
  let turn = 0
  const server = createServer((req, res) => {
    const { rawHeaders, method, headers } = req
    const forwarded = ['x-forwarded-for', req.socket.remoteAddress, 'x-forwarded-proto', 'http']
    for (let i = 0; i < rawHeaders.length; i += 2)
      if (!HOP.has(rawHeaders[i].toLowerCase())) forwarded.push(rawHeaders[i], rawHeaders[i + 1])
    const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
    turn = turn + 1 === pools.length ? 0 : turn + 1
    pools[turn].dispatch(
      { path: req.url.slice(PREFIX), method, headers: forwarded, body: hasBody ? req : null },
      new Relay(res),
    )
  })
  server.keepAliveTimeout = 600_000
  server.requestTimeout = 0
  server.listen({ port, host: '127.0.0.1', backlog: 4096 })
}

class Relay {
  constructor(res) {
    this.res = res
  }

  onConnect(abort) {
    this.res.once('close', () => {
      if (!this.res.writableFinished) abort()
    })
  }

  onHeaders(status, rawHeaders, resume) {
    if (status < 200) return true
    const headers = []
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i].toString('latin1')
      if (!HOP.has(name.toLowerCase())) headers.push(name, rawHeaders[i + 1].toString('latin1'))
    }
    this.res.sendDate = false
    this.res.writeHead(status, headers)
    this.res.on('drain', resume)
    return true
  }

  onData(chunk) {
    return this.res.write(chunk)
  }

  onComplete() {
    this.res.end()
  }

  onError() {
    if (this.res.headersSent) this.res.destroy()
    else this.res.writeHead(502).end()
  }
}
