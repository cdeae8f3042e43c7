/**
 * What a good hand makes of node:http and undici in an afternoon: raw header lists, `dispatch` without promises and streams,
 * one pool for each node, back-pressure both ways. No limits, no retry, no time-outs beyond undici's own.
 */
import { createServer } from 'node:http'
import { Pool } from 'undici'

const PREFIX = '/api/bench'.length
const SMALL_BYTES = 16_384
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

/** One answer on its way; small ones that came in one piece leave in one write, as a string with their head. */
class Relay {
  constructor(res) {
    this.res = res
    this.left = -1
  }

  onConnect(abort) {
    this.res.on('close', () => {
      if (!this.res.writableFinished) abort()
    })
  }

  onHeaders(status, rawHeaders, resume) {
    if (status < 200) return true
    const headers = []
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i].latin1Slice()
      const lower = name.toLowerCase()
      if (HOP.has(lower)) continue
      const value = rawHeaders[i + 1].latin1Slice()
      if (lower === 'content-length') this.left = Number(value)
      headers.push(name, value)
    }
    this.resume = resume
    this.res.sendDate = false
    this.res.writeHead(status, headers)
    return true
  }

  onData(chunk) {
    const { res } = this
    if (chunk.length === this.left && chunk.length <= SMALL_BYTES) {
      res.end(chunk.latin1Slice(), 'latin1')
      return true
    }
    this.left = -1
    const more = res.write(chunk)
    if (!more) res.once('drain', this.resume)
    return more
  }

  onComplete() {
    if (!this.res.writableEnded) this.res.end()
  }

  onError() {
    if (this.res.headersSent) this.res.destroy()
    else this.res.writeHead(502).end()
  }
}
