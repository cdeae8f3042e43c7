/**
 * `node origin.mjs <port>`: answers what is checked and what is large.
 * POST /echo[?chunked=1]       the body back, with its length or in chunks
 * POST /sink[?pauseMs=]        reads all, stands still for so long after the first 16 MiB; answers the number of bytes
 * GET /source?bytes=           so many bytes, of which each says where it stands
 * GET /source?number=          that number
 */
import { createServer } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import { pattern } from './pattern.mjs'

const STANDSTILL_BYTES = 16 * 2 ** 20

const server = createServer((req, res) => {
  const { pathname, searchParams } = new URL(req.url, 'http://origin')
  const asked = (name) => Number(searchParams.get(name))
  if (pathname === '/echo') echo(req, res, searchParams.has('chunked'))
  else if (pathname === '/sink') sink(req, res, asked('pauseMs'))
  else if (searchParams.has('number')) res.end(searchParams.get('number'))
  else {
    const bytes = asked('bytes')
    res.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes })
    pipeline(Readable.from(pattern(bytes), { objectMode: false }), res, () => {})
  }
})

async function echo(req, res, chunked) {
  const chunks = []
  for await (const chunk of req) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  res.setHeader('content-type', 'application/octet-stream')
  if (!chunked) res.setHeader('content-length', body.length)
  // In pieces, so that chunks and reads fall where they like.
  for (let at = 0; at < body.length; at += 9973) res.write(body.subarray(at, at + 9973))
  res.end()
}

function sink(req, res, pauseMs) {
  let bytes = 0
  let paused = pauseMs === 0
  req.on('data', (chunk) => {
    bytes += chunk.length
    if (paused || bytes < STANDSTILL_BYTES) return
    paused = true
    req.pause()
    setTimeout(() => req.resume(), pauseMs)
  })
  req.on('end', () => res.end(String(bytes)))
}

server.keepAliveTimeout = 0
server.requestTimeout = 0
server.listen(Number(process.argv[2]), '127.0.0.1')
