/**
 * Latency at a fixed rate, whatever the answers take: a request is due every 200 µs, and its time runs from then on, also
 * while it waits for a connection to be free. (A load that waits for answers before it asks again hides exactly the slow
 * ones: coordinated omission.) What the generator itself is late by is not the gateway's and is told apart.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'

const CONNECTIONS = 64
const END = Buffer.from('\r\n0\r\n\r\n')

/** Median and 99th percentile in µs of `durationMs` at `perSecond`; and the rate that was had. */
export async function openLoop({ base, request, perSecond, durationMs }) {
  const { port, hostname } = new URL(base)
  const lanes = Array.from(
    { length: CONNECTIONS },
    () => new Lane(connect({ port: Number(port), host: hostname, noDelay: true })),
  )
  await Promise.all(lanes.map((lane) => once(lane.socket, 'connect')))
  const text = Buffer.from(request)
  const free = [...lanes]
  /** When each was due that waits for a connection. */
  const waiting = []
  const took = []
  let lateness = 0
  const begin = (lane, dueMs) => {
    lane.ask(text, () => {
      took.push((performance.now() - dueMs) * 1000)
      const next = waiting.shift()
      if (next === undefined) free.push(lane)
      else begin(lane, next)
    })
  }
  const intervalMs = 1000 / perSecond
  const beginMs = performance.now() + 10
  const count = Math.floor((durationMs * perSecond) / 1000)
  let sent = 0
  await metronome(intervalMs, (stop) => {
    const nowMs = performance.now()
    while (sent < count && beginMs + sent * intervalMs <= nowMs) {
      lateness += nowMs - (beginMs + sent * intervalMs)
      sent++
      const lane = free.pop()
      if (lane === undefined) waiting.push(nowMs)
      else begin(lane, nowMs)
    }
    if (sent === count && took.length === count) stop()
    else if (nowMs > beginMs + durationMs + 5000)
      stop(new Error(`${base}: ${took.length} of ${count} answers at ${perSecond}/s`))
  })
  for (const { socket } of lanes) socket.destroy()
  took.sort((a, b) => a - b)
  return {
    p50Us: took[took.length >> 1],
    p99Us: took[Math.floor(took.length * 0.99)],
    lateUs: (lateness / count) * 1000,
  }
}

/** One connection with one request at a time. */
class Lane {
  constructor(socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', () => {})
  }

  ask(text, done) {
    this.done = done
    this.left = undefined
    this.held = undefined
    this.socket.write(text)
  }

  #read(chunk) {
    if (this.left === undefined) {
      const bytes = this.held === undefined ? chunk : Buffer.concat([this.held, chunk])
      const end = bytes.indexOf('\r\n\r\n')
      this.held = bytes
      if (end < 0) return
      const head = bytes.latin1Slice(0, end)
      if (!head.startsWith('HTTP/1.1 200')) throw new Error(`open loop: ${head.slice(0, 100)}`)
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)
      if (length === null) {
        if (bytes.subarray(-END.length).equals(END)) this.#end()
        return
      }
      this.left = Number(length[1]) - (bytes.length - end - 4)
    } else this.left -= chunk.length
    if (this.left === 0) this.#end()
  }

  #end() {
    this.left = undefined
    this.held = undefined
    this.done()
  }
}

/** Calls back that often until `stop`; timers of the event loop know milliseconds only. */
function metronome(intervalMs, tick) {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     const nothing = new Int32Array(new SharedArrayBuffer(4))
     for (;;) { Atomics.wait(nothing, 0, 0, workerData); parentPort.postMessage(0) }`,
    { eval: true, workerData: intervalMs },
  )
  return new Promise((resolve, reject) => {
    worker.on('message', () => tick((error) => (error ? reject(error) : resolve())))
  }).finally(() => worker.terminate())
}
