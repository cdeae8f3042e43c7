/** Answers first: what a gateway must get right before it is timed. */
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import { ask, open } from './client.mjs'
import { CLAIMS } from './contestants.mjs'
import { fits } from './pattern.mjs'
import { LARGE, SCENARIOS, SMALL } from './scenarios.mjs'

const UPLOADS = 200
const PIPELINED = 20
const DOWNLOAD_BYTES = 8 * 2 ** 20
const STANDSTILL_MS = 200

/** Throws at the first wrong answer; tells what was checked. */
export async function check(base, { enveloped = false, claims = CLAIMS }) {
  await checkScenarios(base, enveloped)
  if (claims.includes('uploads')) await checkUploads(base)
  if (claims.includes('pipelining')) await checkPipelining(base)
  if (claims.includes('slow reader')) await checkSlowReader(base)
  return ['answers', ...claims]
}

async function checkScenarios(base, enveloped) {
  for (const { title, path, method, headers, body } of Object.values(SCENARIOS)) {
    const sent = body === undefined ? {} : { body: [body], length: body.length }
    const answer = await ask(base, path, { method, headers, ...sent })
    const sentBack = JSON.parse(path.endsWith('large') ? LARGE : SMALL)
    const expected = enveloped ? { status: true, ...sentBack } : sentBack
    const right = answer.status === 200 && isDeepStrictEqual(JSON.parse(answer.body), expected)
    if (!right) throw new Error(`${title}: ${answer.status} ${answer.body.subarray(0, 200)}`)
  }
}

/** Of every size, each with bytes of its own, with a length and in chunks, and so the answers: all at once. */
async function checkUploads(base) {
  const Agent = base.startsWith('https:') ? https.Agent : http.Agent
  const agent = new Agent({ keepAlive: true, maxSockets: 100, rejectUnauthorized: false })
  const upload = async (i) => {
    const body = bytesOf(i, i < 4 ? i : (i * 7919) % 262_144)
    const length = i % 2 === 0 ? body.length : undefined
    const path = `/api/bench/echo${i % 4 < 2 ? '?chunked=1' : ''}`
    const answer = await ask(base, path, { method: 'POST', body: pieces(body, i), length, agent })
    if (answer.status !== 200 || !answer.body.equals(body))
      throw new Error(`upload ${i}: ${answer.status}, ${answer.body.length} bytes for ${body.length}`)
  }
  await Promise.all(Array.from({ length: UPLOADS }, (_, i) => upload(i)))
  agent.destroy()
}

function bytesOf(seed, length) {
  const body = Buffer.allocUnsafe(length)
  let state = seed * 2_654_435_761 + 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    body[i] = state >>> 24
  }
  return body
}

/** Of odd sizes, so that they fall across the frames of whoever relays them. */
function* pieces(body, seed) {
  const size = 1000 + ((seed * 4513) % 40_000)
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
}

/** Twenty requests in one packet: as many answers, in their order. */
async function checkPipelining(base) {
  const { protocol, port, hostname } = new URL(base)
  const to = { port: Number(port), host: hostname, rejectUnauthorized: false }
  const socket = protocol === 'https:' ? connectTls(to) : connect(to)
  const numbers = Array.from({ length: PIPELINED }, (_, i) => 1000 + i)
  socket.write(numbers.map((n) => `GET /api/bench/source?number=${n} HTTP/1.1\r\nHost: bench\r\n\r\n`).join(''))
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    if (text.includes(String(numbers.at(-1)))) socket.end()
  })
  socket.setTimeout(10_000, () => socket.destroy())
  await once(socket, 'close')
  // The bodies are the only four digits on a line of their own.
  const got = [...text.matchAll(/^(\d{4})(?=\r?$|HTTP)/gm)].map((match) => Number(match[1]))
  if (!isDeepStrictEqual(got, numbers))
    throw new Error(`pipelining: ${got.join(' ')} ${JSON.stringify(text.slice(-400))}`)
}

/** A client that stands still in the middle gets every byte all the same. */
async function checkSlowReader(base) {
  const req = open(base, `/api/bench/source?bytes=${DOWNLOAD_BYTES}`, {})
  const [res] = await once(req, 'response')
  let bytes = 0
  for await (const chunk of res) {
    if (!fits(chunk, bytes)) throw new Error(`slow reader: a wrong byte after ${bytes}`)
    if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, STANDSTILL_MS))
    bytes += chunk.length
  }
  if (bytes !== DOWNLOAD_BYTES) throw new Error(`slow reader: ${bytes} bytes of ${DOWNLOAD_BYTES}`)
}
