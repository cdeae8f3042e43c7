/** A client of HTTP/2 that says frames as it is told, right or wrong. RFC 9113 §4.1, §6; RFC 7541 §6.2.2. */
import type { TLSSocket } from 'node:tls'
import { gate } from './http-exchange.fixtures.ts'

export const FRAME = { data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const
export const END_STREAM = 1
export const END_HEADERS = 4

/** How `H2Talk.ended` tells of a connection that said why it ends. */
export const GOAWAY_CODE = (code: number): string => `goaway ${code}`

export interface H2Talk {
  /** The server has said its settings. */
  readonly ready: Promise<void>
  send(type: number, flags: number, stream: number, payload: Buffer): void
  /** What became of a stream: its status, `reset`, or `gone` with the connection. */
  outcome(stream: number): Promise<string>
  /** The server wants no more requests. */
  readonly goneAway: Promise<void>
  /** The connection has ended; with the code that the server gave last. */
  readonly ended: Promise<string>
  readonly over: boolean
}

/** @param settings numbers and values that the client says first */
export function speakH2(socket: TLSSocket, settings: readonly (readonly [number, number])[]): H2Talk {
  const ready = gate()
  const goneAway = gate()
  const ended = gate<string>()
  const outcomes = new Map<number, string>()
  const waiting = new Map<number, (outcome: string) => void>()
  let rest: Buffer = Buffer.alloc(0)
  let last = 'no goaway'
  let over = false

  const settle = (stream: number, outcome: string): void => {
    if (outcomes.has(stream)) return
    outcomes.set(stream, outcome)
    waiting.get(stream)?.(outcome)
  }
  const send = (type: number, flags: number, stream: number, payload: Buffer): void => {
    if (!over && socket.writable) socket.write(frame(type, flags, stream, payload))
  }
  const take = (type: number, flags: number, stream: number, payload: Buffer): void => {
    if (type === FRAME.settings && (flags & 1) === 0) {
      send(FRAME.settings, 1, 0, Buffer.alloc(0))
      ready.open()
    } else if (type === FRAME.headers) settle(stream, statusOf(payload))
    else if (type === FRAME.rstStream) settle(stream, 'reset')
    else if (type === FRAME.goaway) {
      last = GOAWAY_CODE(payload.readUInt32BE(4))
      goneAway.open()
    }
  }
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3)
      take(rest[3] as number, rest[4] as number, rest.readUInt32BE(5), rest.subarray(9, end))
      rest = rest.subarray(end)
    }
  })
  socket.on('close', () => {
    over = true
    for (const settled of waiting.values()) settled('gone')
    ended.open(last)
  })
  const parameters = settings.map(([name, value]) => {
    const bytes = Buffer.alloc(6)
    bytes.writeUInt16BE(name, 0)
    bytes.writeUInt32BE(value, 2)
    return bytes
  })
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(frame(FRAME.settings, 0, 0, Buffer.concat(parameters)))
  return {
    ready: ready.opened,
    goneAway: goneAway.opened,
    ended: ended.opened,
    send,
    get over() {
      return over
    },
    outcome(stream) {
      const known = outcomes.get(stream)
      if (known !== undefined) return Promise.resolve(known)
      return over ? Promise.resolve('gone') : new Promise((resolve) => waiting.set(stream, resolve))
    },
  }
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** Literal fields without indexing and without Huffman coding: whatever they hold. */
export function headerBlock(list: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    list.flatMap(([name, value]) => [Buffer.from([0]), ...[name, value].flatMap((text) => literal(text))]),
  )
}

function literal(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'latin1')
  return [integer(bytes.length, 7), bytes]
}

/** RFC 7541 §5.1 */
function integer(value: number, bits: number): Buffer {
  const most = 2 ** bits - 1
  if (value < most) return Buffer.from([value])
  const bytes = [most]
  let left = value - most
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128)
  return Buffer.from([...bytes, left])
}

/** Of the statuses that servers say by their number in the static table, or in three digits (RFC 7541 §A). */
function statusOf(block: Buffer): string {
  const known = ['200', '204', '206', '304', '400', '404', '500'][(block[0] as number) - 0x88]
  if (known !== undefined) return known
  // A literal with the name of the static table: three digits, or two octets of Huffman code that begin with that of `4`.
  const text = block.toString('latin1', 2, 5)
  return /^\d{3}$/.test(text) ? text : '400'
}
