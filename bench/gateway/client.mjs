/** Requests of the checks, with node:http; each on the connection of an agent that the caller may bring. */
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { pipeline, Readable } from 'node:stream'

/** The certificate of the benchmark is its own. */
const UNVERIFIED = { rejectUnauthorized: false }

/** Sends the head; `body`, if there is one, is an iterable of pieces: with `length` in one frame, without in chunks. */
export function open(base, path, { method = 'GET', headers = {}, body, length, agent } = {}) {
  const url = new URL(path, base)
  const framing = length === undefined ? {} : { 'content-length': length }
  const request = url.protocol === 'https:' ? https.request : http.request
  const req = request(url, { method, agent, headers: { ...headers, ...framing }, ...UNVERIFIED })
  if (body === undefined) req.end()
  else pipeline(Readable.from(body, { objectMode: false }), req, () => {})
  return req
}

/** The whole answer. */
export async function ask(base, path, options) {
  const req = open(base, path, options)
  const [res] = await once(req, 'response')
  const chunks = []
  for await (const chunk of res) chunks.push(chunk)
  return { status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }
}
