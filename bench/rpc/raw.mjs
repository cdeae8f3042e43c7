/** The floor: the same MessagePack work and as few writes, over a bare socket with a length and a number in front. No limits, no errors, no methods. */
import { connect, createServer } from 'node:net'
import { createMethodCodecs } from '../../dist/rpcx/learning-codec.js'
import { createWriter } from '../../dist/rpcx/writer.js'
import { METHODS, methodName } from './payloads.mjs'

const HEAD_BYTES = 12

/** One set of codecs for each method: number on the wire instead of a name. */
const codecs = Array.from({ length: METHODS }, () => createMethodCodecs())

function frames(onFrame) {
  let rest = null
  return (chunk) => {
    const bytes = rest === null ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    while (bytes.length - at >= HEAD_BYTES) {
      const size = bytes.readUInt32BE(at)
      if (bytes.length - at < size) break
      onFrame(bytes, at, at + size)
      at += size
    }
    rest = at === bytes.length ? null : bytes.subarray(at)
  }
}

function write(writer, seq, method, value, codec) {
  writer.begin()
  const start = writer.position
  writer.reserve(HEAD_BYTES)
  writer.position += HEAD_BYTES
  codec.encode(value, writer)
  const begin = writer.frameStart
  writer.bytes.writeUInt32BE(writer.position - begin, begin)
  writer.bytes.writeUInt32BE(seq, begin + 4)
  writer.bytes.writeUInt32BE(method, begin + 8)
  return start
}

export async function serve() {
  const server = createServer({ noDelay: true }, (socket) => {
    const writer = createWriter()
    const take = frames((bytes, start, end) => {
      const method = bytes.readUInt32BE(start + 8)
      const value = codecs[method].input.decode(bytes, start + HEAD_BYTES, end)
      write(writer, bytes.readUInt32BE(start + 4), method, value, codecs[method].output)
      if (writer.waitingBytes > 48 * 1024) socket.write(writer.take())
    })
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      take(chunk)
      if (writer.waitingBytes > 0) socket.write(writer.take())
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: server.address().port }
}

export async function open(port) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await new Promise((resolve) => socket.once('connect', resolve))
  const writer = createWriter()
  const waiting = new Array(65_536)
  let seq = 0
  let scheduled = false
  const take = frames((bytes, start, end) => {
    const slot = bytes.readUInt32BE(start + 4) & 0xffff
    const resolve = waiting[slot]
    waiting[slot] = undefined
    resolve(codecs[bytes.readUInt32BE(start + 8)].output.decode(bytes, start + HEAD_BYTES, end))
  })
  socket.on('data', take)
  const flush = () => {
    scheduled = false
    if (writer.waitingBytes > 0) socket.write(writer.take())
  }
  const send = (method, value, resolve) => {
    const number = seq++ >>> 0
    waiting[number & 0xffff] = resolve
    write(writer, number, method, value, codecs[method].input)
    if (writer.waitingBytes > 48 * 1024) socket.write(writer.take())
    else if (!scheduled) {
      scheduled = true
      setImmediate(flush)
    }
  }
  return Array.from({ length: METHODS }, (_, i) => (value) => new Promise((resolve) => send(i, value, resolve)))
}

export const methods = methodName
