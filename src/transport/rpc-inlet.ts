/** The node's side of one connection: requests go to the handler as they are read, answers of a turn leave in one write. */
import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { greetingOf } from '../rpcx/brief.ts'
import type { PayloadCodec } from '../rpcx/codec.ts'
import { toFaultMetadata } from '../rpcx/error-metadata.ts'
import { beginFrame, beginPayload, beginResponse, endFrame, FLAG, type Frame, type FrameHead } from '../rpcx/frame.ts'
import { readMetadata, writeMetadata } from '../rpcx/metadata.ts'
import { createSplitter, type FrameSplitter } from '../rpcx/splitter.ts'
import type { TextCache } from '../rpcx/text.ts'
import { MethodNames } from './method-names.ts'
import type { RpcFault, RpcHandler } from './rpc.ts'
import {
  CANCEL_METHOD,
  CONTROL_GREETING,
  CONTROL_PATH,
  cancelledSeq,
  DRAINING_HEAD,
  DRAINING_MARK,
  HELLO_METHOD,
  OUR_PREFIX,
  seqOf,
  WELCOME_HEAD,
} from './rpc-control.ts'
import { type ExchangeHost, RpcExchange } from './rpc-exchange.ts'
import { type Greeting, readGreeting } from './rpc-greeting.ts'
import { Outbox, type OutboxTurn } from './rpc-outbox.ts'
import { codecFor, compressPayload, noCodec } from './rpc-payload.ts'

export interface RpcInletLimits {
  /** `total` of a frame, both ways, and an inflated payload. @default 4 MiB */
  readonly maxFrameBytes: number
  /** Requests of one connection that wait for an answer; one more is refused as overloaded. @default 65536 */
  readonly maxInFlight: number
  /** Bytes of such requests; above it the connection is not read any further. @default 64 MiB */
  readonly maxHeldBytes: number
  /** Answers that the caller has not read; above it the connection is not read any further. @default 1 MiB */
  readonly pauseAtUnreadBytes: number
  /** The same; above it the connection is cut. @default 64 MiB */
  readonly maxUnreadBytes: number
}

export interface RpcInletHost {
  readonly handler: RpcHandler
  readonly limits: RpcInletLimits
  readonly turn: OutboxTurn
  readonly texts: TextCache
  readonly draining: boolean
  readonly clock: Clock
  /** What no caller is told: a handler that threw, an output that cannot travel. */
  failed(error: unknown, exchange: RpcExchange): void
  /** Nothing waits on this connection any more. */
  idle(inlet: RpcInlet): void
}

const MARK: readonly string[] = [DRAINING_MARK, '1']
const NONE: readonly string[] = []

export class RpcInlet implements ExchangeHost {
  readonly maxFrameBytes: number
  /** Requests without an answer. */
  inFlight = 0
  /** Set by each read, for who looks after idle connections. */
  heard = true
  readonly #host: RpcInletHost
  readonly #socket: Socket
  readonly #outbox: Outbox
  readonly #splitter: FrameSplitter
  readonly #names: MethodNames
  /** Those that were not answered soon, by number, for who withdraws them. */
  readonly #waiting = new Map<number, RpcExchange>()
  /**
   * Those of the last read that were not answered at once. Most asynchronous handlers answer before the next read: they
   * never enter the map, whose discarded tables would keep them alive through several collections.
   */
  #fresh: RpcExchange[] = []
  /** By their numbers. */
  readonly #greetings: Greeting[] = []
  #heldBytes = 0
  #pushSeq = 1
  #chunk: Buffer | undefined
  #reading = false
  #readAtMs: number | undefined
  #encoding = false
  #paused = false
  #ours: boolean | undefined
  #closed = false

  constructor(host: RpcInletHost, socket: Socket) {
    this.#host = host
    this.#socket = socket
    this.maxFrameBytes = host.limits.maxFrameBytes
    this.#outbox = new Outbox(host.turn, () => this.#written())
    this.#outbox.open(socket)
    this.#names = new MethodNames(host.texts)
    this.#splitter = createSplitter((frame) => this.#take(frame), this.maxFrameBytes)
    socket.on('drain', () => this.#resume())
  }

  /** Bytes of a frame that has not come whole. */
  get partialBytes(): number {
    return this.#splitter.heldBytes
  }

  get readAtMs(): number {
    if (!this.#reading) return this.#host.clock.now()
    this.#readAtMs ??= this.#host.clock.now()
    return this.#readAtMs
  }

  get paused(): boolean {
    return this.#paused
  }

  /** @param lasting the bytes are ours to keep */
  read(bytes: Buffer, length: number, lasting: boolean): void {
    if (this.#closed) return
    this.heard = true
    this.#listFresh()
    this.#chunk = lasting ? bytes : undefined
    this.#reading = true
    this.#readAtMs = undefined
    // No turn is needed for what is answered within the read.
    this.#outbox.hold()
    try {
      this.#splitter.push(bytes, 0, length)
    } catch {
      // Damaged, or longer than allowed: nothing behind it can be trusted.
      this.destroy()
      return
    } finally {
      this.#reading = false
      this.#chunk = undefined
    }
    this.#outbox.flush()
    this.#pauseIfFull()
  }

  /** Tells a caller of ours that the node is leaving. */
  drain(): void {
    if (this.#ours === true && !this.#closed) this.#control(DRAINING_HEAD, NONE)
  }

  /** Everything that was answered leaves, then the connection ends. */
  end(): void {
    if (this.#closed) return
    this.#outbox.flush()
    this.#socket.end()
  }

  /** The connection is gone, or is to be. */
  destroy(): void {
    if (this.#closed) return
    this.#closed = true
    this.#splitter.stop()
    this.#outbox.close()
    this.#socket.destroy()
    const waiting = [...this.#waiting.values(), ...this.#fresh]
    this.#waiting.clear()
    this.#fresh = []
    for (const exchange of waiting) exchange.abort()
  }

  settled(exchange: RpcExchange): void {
    this.inFlight--
    this.#heldBytes -= exchange.frameBytes
    if (exchange.listed) this.#waiting.delete(seqOf(exchange))
    if (this.#paused) this.#resume()
    if (this.inFlight > 0) return
    if (this.#fresh.length > 0) this.#fresh = []
    this.#host.idle(this)
  }

  writeReply(exchange: RpcExchange, output: unknown, msgpack: PayloadCodec): void {
    if (!this.#open()) return
    if (this.#encoding) {
      // An output whose getter answers another request: the frames must not stand within each other.
      queueMicrotask(() => this.writeReply(exchange, output, msgpack))
      return
    }
    const writer = this.#outbox.writer()
    this.#encoding = true
    try {
      beginResponse(writer, exchange.seqHigh, exchange.seqLow, exchange.serialize, 0)
      writeMetadata(writer, this.#mark())
      const payload = beginPayload(writer)
      const codec = codecFor(exchange.serialize, msgpack) as PayloadCodec
      codec.encode(output, writer)
      if ((exchange.flags & FLAG.compress) !== 0) compressPayload(writer, payload)
      endFrame(writer, payload)
    } catch (error) {
      writer.rewind()
      this.#encoding = false
      this.#host.failed(error, exchange)
      const why = GomsError.from(error).message
      this.writeFault(exchange, internal(`${exchange.service}.${exchange.method}: the output cannot travel: ${why}`))
      return
    }
    this.#encoding = false
    this.#outbox.done()
  }

  writeFault(exchange: RpcExchange, fault: RpcFault): void {
    if (!this.#open()) return
    if (this.#encoding) {
      queueMicrotask(() => this.writeFault(exchange, fault))
      return
    }
    const writer = this.#outbox.writer()
    beginResponse(writer, exchange.seqHigh, exchange.seqLow, exchange.serialize, FLAG.error)
    writeMetadata(writer, toFaultMetadata(fault), this.#mark())
    endFrame(writer, beginPayload(writer))
    this.#outbox.done()
  }

  #take(frame: Frame): void {
    if ((frame.flags & FLAG.response) !== 0) return
    if ((frame.flags & FLAG.heartbeat) !== 0) {
      this.#echo(frame)
      return
    }
    const { limits } = this.#host
    this.#names.read(frame)
    const { service, method } = this.#names
    if (service === CONTROL_PATH) {
      if (method === CANCEL_METHOD) this.#cancel(frame)
      else if (method === HELLO_METHOD) this.#greet(frame)
      return
    }
    if (this.#ours === undefined) this.#meet(frame)
    const exchange = new RpcExchange(this, frame, service, method, this.#greetingOf(frame))
    this.inFlight++
    this.#heldBytes += exchange.frameBytes
    if (this.inFlight > limits.maxInFlight) {
      exchange.fault(refused('OVERLOADED', `${limits.maxInFlight} requests of this connection wait`, 'overloaded'))
    } else if (codecFor(frame.serialize, NO_CODEC) === undefined) {
      exchange.fault(refused('UNIMPLEMENTED', noCodec(frame.serialize), 'unimplemented'))
    } else {
      this.#handle(exchange, frame)
    }
  }

  #handle(exchange: RpcExchange, frame: Frame): void {
    try {
      this.#host.handler(exchange, exchange)
    } catch (error) {
      this.#host.failed(error, exchange)
      exchange.fault(internal(`${exchange.service}.${exchange.method} failed`))
    }
    if (exchange.over) return
    if (frame.bytes !== this.#chunk) exchange.keep()
    this.#fresh.push(exchange)
  }

  #listFresh(): void {
    if (this.#fresh.length === 0) return
    for (const exchange of this.#fresh) if (!exchange.over) this.#list(exchange)
    this.#fresh = []
  }

  #list(exchange: RpcExchange): void {
    const seq = seqOf(exchange)
    // A caller that uses a number twice cannot withdraw either.
    if (this.#waiting.has(seq)) return
    exchange.listed = true
    this.#waiting.set(seq, exchange)
  }

  /** As it came, with the bit of a response: Go's server runs neither key nor handler for it. */
  #echo(frame: Frame): void {
    const echo = Buffer.from(frame.bytes.subarray(frame.start, frame.end))
    echo[2] = frame.flags | FLAG.response
    this.#outbox.push(echo)
    this.#outbox.hold()
  }

  #cancel(frame: Frame): void {
    // It may withdraw what came in the same read.
    this.#listFresh()
    const seq = cancelledSeq(frame)
    if (seq !== undefined) this.#waiting.get(seq)?.abort()
  }

  #greet(frame: Frame): void {
    const number = this.#greetings.length
    const greeting = readGreeting(frame, number)
    if (greeting === undefined) return
    this.#greetings.push(greeting)
    if (this.#ours === undefined) this.#meet(frame)
    this.#control(WELCOME_HEAD, [CONTROL_GREETING, String(number)])
  }

  /** @throws GomsError DATA_LOSS, which ends the connection as any damaged frame does */
  #greetingOf({ bytes, metadataStart, metadataEnd }: Frame): Greeting | undefined {
    const greetings = this.#greetings
    if (greetings.length === 0) return undefined
    const number = greetingOf(bytes, metadataStart, metadataEnd, greetings.length)
    return number === undefined ? undefined : greetings[number]
  }

  #control(head: FrameHead, metadata: readonly string[]): void {
    const writer = this.#outbox.writer()
    beginFrame(writer, head, 0, this.#pushSeq++)
    writeMetadata(writer, metadata)
    endFrame(writer, beginPayload(writer))
    this.#outbox.done()
  }

  /** The first request tells whether the caller is one of ours. */
  #meet(frame: Frame): void {
    const names = readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd).keys()
    this.#ours = false
    for (const name of names) if (name.startsWith(OUR_PREFIX)) this.#ours = true
    if (this.#host.draining) this.drain()
  }

  #mark(): readonly string[] {
    return this.#host.draining && this.#ours === true ? MARK : NONE
  }

  #written(): void {
    if (!this.#reading) this.#pauseIfFull()
  }

  /** Whether an answer may still be written: not to a caller that has left too many unread. */
  #open(): boolean {
    if (this.#outbox.exceeds(this.#host.limits.maxUnreadBytes)) this.destroy()
    return !this.#closed
  }

  #pauseIfFull(): void {
    if (this.#paused || this.#closed || !this.#full()) return
    this.#paused = true
    this.#socket.pause()
  }

  #resume(): void {
    if (!this.#paused || this.#closed || this.#full()) return
    this.#paused = false
    this.#socket.resume()
  }

  #full(): boolean {
    const { pauseAtUnreadBytes, maxHeldBytes } = this.#host.limits
    return this.#socket.writableLength > pauseAtUnreadBytes || this.#heldBytes > maxHeldBytes
  }
}

const NO_CODEC: PayloadCodec = { encode() {}, decode: () => undefined }

const NOTHING_MORE = { status: undefined, data: undefined, retryAfterMs: undefined }

function internal(message: string): RpcFault {
  return { code: 'INTERNAL', message: `rpc: ${message}`, refusal: undefined, ...NOTHING_MORE }
}

function refused(code: string, message: string, refusal: RpcFault['refusal']): RpcFault {
  return { code, message, refusal, ...NOTHING_MORE }
}
