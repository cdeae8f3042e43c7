/**
 * Time of the payload codecs for one value: generic, compiled, and msgpackr beside them where it is installed.
 * Run: npm run build && node bench/msgpack.mjs [rounds]
 * Checks first that all of ours give the same bytes; then interleaved rounds, medians in nanoseconds of CPU.
 */
import process from 'node:process'

const dist = process.env.GOMS_DIST ?? new URL('../dist/', import.meta.url).href
const { genericCodec } = await import(`${dist}rpcx/msgpack.js`)
const { createLearningCodec } = await import(`${dist}rpcx/learning-codec.js`)
const { createWriter } = await import(`${dist}rpcx/writer.js`)
const msgpackr = await import('msgpackr').catch(() => undefined)

const rounds = Number(process.argv[2] ?? 15)
const ITERATIONS = 100_000

/** 107 bytes, as in the RPC benchmark. */
const echo = {
  id: 1234567890123,
  name: 'Ada Lovelace',
  age: 36,
  score: 99.5,
  active: true,
  tags: ['admin', 'math'],
  nums: [1, 300],
  city: 'London',
  zone: 'eu-west-1',
}
const order = {
  orderId: 'c0ffee00-1234-4abc-9def-001122334455',
  username: 'bob',
  items: Array.from({ length: 10 }, (_, i) => ({ sku: `sku-${i}`, count: i, priceCents: 1999 + i, gift: false })),
  total: 20035,
}

const values = { echo, order }

function ours(codec) {
  const writer = createWriter()
  return {
    encode(value) {
      writer.begin()
      codec.encode(value, writer)
      if (writer.waitingBytes > 48 * 1024) return writer.take()
    },
    decode: (bytes) => codec.decode(bytes, 0, bytes.length),
  }
}

function bytesOf(codec, value) {
  const writer = createWriter()
  codec.encode(value, writer)
  return writer.take()
}

function peers(value) {
  const learning = createLearningCodec()
  const wire = bytesOf(genericCodec, value)
  for (let i = 0; i < 50; i++) {
    learning.encode(value, createWriter())
    learning.decode(wire, 0, wire.length)
  }
  if (!bytesOf(learning, value).equals(wire)) throw new Error('compiled and generic bytes differ')
  const all = { generic: ours(genericCodec), compiled: ours(learning) }
  if (msgpackr !== undefined) {
    const packr = new msgpackr.Packr({ useRecords: false, int64AsType: 'number', mapsAsObjects: true })
    all.msgpackr = { encode: (v) => packr.pack(v), decode: (bytes) => packr.unpack(bytes) }
  }
  all.JSON = { encode: (v) => Buffer.from(JSON.stringify(v)), decode: (bytes) => JSON.parse(bytes.toString()) }
  return { all, wire }
}

function time(work, input) {
  // CPU time, not wall time: other programs may be running.
  const before = process.cpuUsage()
  for (let i = 0; i < ITERATIONS; i++) work(input)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / ITERATIONS
}

function median(samples) {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]
}

for (const [name, value] of Object.entries(values)) {
  const { all, wire } = peers(value)
  const inputs = {
    ...Object.fromEntries(Object.keys(all).map((peer) => [peer, wire])),
    JSON: Buffer.from(JSON.stringify(value)),
  }
  const samples = Object.fromEntries(Object.keys(all).map((peer) => [peer, { encode: [], decode: [] }]))
  for (let round = 0; round < rounds; round++) {
    for (const [peer, { encode, decode }] of Object.entries(all)) {
      samples[peer].encode.push(time(encode, value))
      samples[peer].decode.push(time(decode, inputs[peer]))
    }
  }
  console.log(`${name}: ${wire.length} bytes, Node ${process.version}, ${rounds} rounds`)
  const base = samples.msgpackr ?? samples.JSON
  const sum = (peer) => median(peer.encode) + median(peer.decode)
  for (const [peer, { encode, decode }] of Object.entries(samples)) {
    const ratio = (sum(base) / sum(samples[peer])).toFixed(2)
    console.log(
      `  ${peer.padEnd(9)} encode ${median(encode).toFixed(0).padStart(5)} ns  decode ${median(decode).toFixed(0).padStart(5)} ns  ${ratio} × ${samples.msgpackr ? 'msgpackr' : 'JSON'}`,
    )
  }
}
