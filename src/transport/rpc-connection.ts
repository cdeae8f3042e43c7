/**
 * The caller's side of one connection: many requests at once, each known by its number. The requests of a turn leave in one
 * write; answers are decoded out of the buffer they were read into.
 */
import { connect, type Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { type Address, toHostPort } from '../core/node.ts'
import { writeBrief } from '../rpcx/brief.ts'
import { putUint32 } from '../rpcx/bytes.ts'
import { fromFaultMetadata } from '../rpcx/error-metadata.ts'
import { beginFrame, beginPayload, endFrame, FLAG, type Frame, type FrameHead, HEAD_BYTES } from '../rpcx/frame.ts'
import { findMetadata, writeMetadata } from '../rpcx/metadata.ts'
import { createSplitter, type FrameSplitter } from '../rpcx/splitter.ts'
import type { FrameWriter } from '../rpcx/writer.ts'
import { ConnectionWatch } from './connection-watch.ts'
import type { Dial } from './dial.ts'
import { PendingRing } from './pending-ring.ts'
import { readBuffer } from './read-buffer.ts'
import type { RpcRequest } from './rpc.ts'
import {
  CANCEL_HEAD,
  CONTROL_GREETING,
  CONTROL_SEQ,
  controlMethod,
  DRAINING_MARK,
  DRAINING_METHOD,
  HEARTBEAT_HEAD,
  HELLO_HEAD,
  seqOf,
  WELCOME_METHOD,
} from './rpc-control.ts'
import { SentGreetings } from './rpc-greeting.ts'
import { Outbox, type OutboxTurn } from './rpc-outbox.ts'
import { decodePayload } from './rpc-payload.ts'
import { spellOut, writeRequestMetadata } from './rpc-request-metadata.ts'
import type { MethodHead, RpcWaiting, WaitingRoom } from './rpc-waiting.ts'
import { UpstreamError } from './upstream-error.ts'

export interface RpcConnectionLimits {
  /** @default 500 */
  readonly connectTimeoutMs: number
  /** `total` of a frame, both ways, and an inflated payload. @default 4 MiB */
  readonly maxFrameBytes: number
  /** Of requests that the node has not taken yet; above it one more is OVERLOADED. @default 32 MiB */
  readonly maxUnsentBytes: number
  /** Silence with requests waiting: after one a heartbeat is sent, after two the connection is given up. @default 10000 */
  readonly silenceMs: number
  /** With nothing to do. Less than what nodes of ours allow, so that this side closes first. @default 300000 */
  readonly idleMs: number
  /** Opens the connection instead of TCP: nodes without a port, in tests. */
  readonly dial?: Dial | undefined
}

export interface RpcConnectionHost {
  readonly address: Address
  readonly clock: Clock
  readonly turn: OutboxTurn
  readonly limits: RpcConnectionLimits
  /** The node says that it is leaving. */
  draining(): void
  /** Called once, before what waits is told: the connection is gone. */
  ended(connection: RpcConnection): void
}

/** From here on a frame goes over a connection beside that of the small ones. */
export const LARGE_FRAME_BYTES: number = 256 * 1024

const TWO_POW_32 = 0x1_0000_0000

export class RpcConnection implements WaitingRoom {
  readonly #host: RpcConnectionHost
  readonly #ring = new PendingRing<RpcWaiting>()
  readonly #outbox: Outbox
  readonly #splitter: FrameSplitter
  readonly #socket: Socket
  readonly #watch: ConnectionWatch
  readonly #greetings: SentGreetings
  readonly #connectTimer: Timer
  #state: 'connecting' | 'open' | 'closed' = 'connecting'
  /** The highest number that was handed to the socket: up to it nobody knows what the node has run. */
  #writtenSeq = 0
  #encodedSeq = 0
  #oneways: RpcWaiting[] = []
  #encoding = false
  #retiring = false
  /** When the bytes were read that are taken apart now: their answers, less than a millisecond's work, share it. */
  #readMs = 0

  constructor(host: RpcConnectionHost) {
    const { address, clock, limits } = host
    this.#host = host
    this.#outbox = new Outbox(host.turn, () => this.#written())
    this.#splitter = createSplitter((frame) => this.#take(frame), limits.maxFrameBytes)
    this.#greetings = new SentGreetings(limits.maxFrameBytes)
    const onread = { buffer: readBuffer(), callback: (length: number) => this.#read(onread.buffer, length) }
    if (limits.dial === undefined) {
      this.#socket = connect({ host: address.host, port: address.port, noDelay: true, keepAlive: true, onread })
    } else {
      this.#socket = limits.dial(address)
      this.#socket.on('data', (chunk: Buffer) => this.#read(chunk, chunk.length))
    }
    this.#connectTimer = clock.after(limits.connectTimeoutMs, () => {
      const where = `connect ${toHostPort(address)}`
      this.destroy(new UpstreamError('ETIMEDOUT', `${where}: no answer in ${limits.connectTimeoutMs} ms`))
    })
    this.#watch = new ConnectionWatch(clock, limits, {
      waiting: () => this.pending > 0,
      takenBytes: () => this.#socket.bytesWritten - this.#socket.writableLength,
      beat: () => this.#control(HEARTBEAT_HEAD, []),
      silent: (ms) =>
        this.destroy(new UpstreamError('ETIMEDOUT', `${toHostPort(address)}: no sign of life in ${ms} ms`)),
      idle: () => this.retire(),
    })
    const gone = (): void => this.destroy(new UpstreamError('ECONNRESET', `${toHostPort(address)}: connection closed`))
    this.#socket.once('connect', () => this.#opened())
    this.#socket.on('error', (error) => this.destroy(error))
    this.#socket.once('end', gone)
    this.#socket.once('close', gone)
  }

  get usable(): boolean {
    return this.#state !== 'closed' && !this.#retiring
  }

  get pending(): number {
    return this.#ring.size + this.#oneways.length
  }

  /** Sends a request; one that is `aside` and turns out large is not sent, and its frame is returned for `adopt`. */
  send(waiting: RpcWaiting, head: MethodHead, aside: boolean): Buffer | undefined {
    if (this.#encoding) {
      // An input whose getter makes a call: the frames must not stand within each other.
      queueMicrotask(() => this.send(waiting, head, false))
      return undefined
    }
    if (waiting.done || !this.#admit(waiting)) return undefined
    const { seq } = waiting
    const greeting = this.#greetingFor(waiting)
    const writer = this.#outbox.writer()
    this.#encoding = true
    try {
      beginFrame(writer, head.bytes, Math.floor(seq / TWO_POW_32), seq >>> 0)
      if (greeting === undefined) writeRequestMetadata(writer, waiting)
      else writeBrief(writer, greeting, waiting.deadlineMs, waiting.position, waiting.metadata)
      const payload = beginPayload(writer)
      waiting.codecs.input.encode(waiting.input, writer)
      endFrame(writer, payload)
    } catch (error) {
      writer.rewind()
      this.#outbox.touch()
      this.#release(waiting)
      waiting.loseSoon(toOwnMistake(error, waiting), 'unsent')
      return undefined
    } finally {
      this.#encoding = false
    }
    if (aside && writer.position - writer.frameStart >= LARGE_FRAME_BYTES) {
      this.#release(waiting)
      const frame = this.#outbox.takeLast()
      return greeting === undefined ? frame : spellOut(frame, waiting)
    }
    this.#encodedSeq = seq
    this.#outbox.done()
    return undefined
  }

  /** Sends a frame that another connection has encoded. */
  adopt(waiting: RpcWaiting, frame: Buffer): void {
    const { maxFrameBytes } = this.#host.limits
    if (frame.length - HEAD_BYTES > maxFrameBytes) {
      const message = `rpc: frame too long (limit ${maxFrameBytes} bytes)`
      waiting.loseSoon(new GomsError('RESOURCE_EXHAUSTED', message), 'unsent')
      return
    }
    if (waiting.done || !this.#admit(waiting)) return
    putUint32(frame, 4, Math.floor(waiting.seq / TWO_POW_32))
    putUint32(frame, 8, waiting.seq >>> 0)
    this.#encodedSeq = waiting.seq
    this.#outbox.push(frame)
  }

  withdraw(waiting: RpcWaiting): void {
    if (this.#ring.take(waiting.seq) === undefined) return
    if (waiting.cancellable && this.#state === 'open' && !this.#encoding) {
      this.#control(CANCEL_HEAD, [CONTROL_SEQ, String(waiting.seq)])
    }
    this.#endIfRetired()
  }

  /** Takes nothing new, and closes once nothing waits. */
  retire(): void {
    this.#retiring = true
    this.#endIfRetired()
  }

  destroy(error: Error): void {
    if (this.#state === 'closed') return
    const wasOpen = this.#state === 'open'
    this.#state = 'closed'
    this.#connectTimer.cancel()
    this.#watch.stop()
    this.#splitter.stop()
    this.#outbox.close()
    this.#socket.destroy()
    this.#host.ended(this)
    const sentSeq = wasOpen ? this.#writtenSeq : 0
    for (const waiting of this.#ring.takeAll()) waiting.lose(error, waiting.seq <= sentSeq ? 'unanswered' : 'unsent')
    for (const waiting of this.#oneways) waiting.lose(error, 'unsent')
    this.#oneways = []
  }

  #opened(): void {
    if (this.#state !== 'connecting') return
    this.#state = 'open'
    this.#connectTimer.cancel()
    this.#watch.start()
    this.#outbox.open(this.#socket)
    this.#endIfRetired()
  }

  #admit(waiting: RpcWaiting): boolean {
    const { address, limits } = this.#host
    let lack: string | undefined
    if (this.#state === 'closed') {
      waiting.loseSoon(new UpstreamError('ECONNRESET', `${toHostPort(address)}: connection closed`), 'unsent')
      return false
    }
    if (this.#outbox.exceeds(limits.maxUnsentBytes))
      lack = `${this.#outbox.waitingBytes} bytes wait to be read by the node`
    else if (waiting.oneway) {
      waiting.seq = this.#ring.skip()
      this.#oneways.push(waiting)
    } else if (!this.#ring.add(waiting)) lack = `${this.#ring.size} requests wait for an answer`
    if (lack !== undefined) {
      waiting.loseSoon(new GomsError('OVERLOADED', `rpc: ${toHostPort(address)}: ${lack}`), 'unsent')
      return false
    }
    waiting.room = this
    return true
  }

  #release(waiting: RpcWaiting): void {
    if (waiting.oneway) this.#oneways.pop()
    else this.#ring.take(waiting.seq)
    waiting.room = undefined
  }

  /** The number of the greeting that the node has taken; where it was not said yet, it is said now, for requests to come. */
  #greetingFor({ fixedMetadata, cancellable }: RpcRequest): number | undefined {
    if (fixedMetadata === undefined || !cancellable) return undefined
    const known = this.#greetings.find(fixedMetadata)
    if (known !== undefined) return known.taken ? known.number : undefined
    const added = this.#greetings.add(fixedMetadata)
    if (added !== undefined) this.#control(HELLO_HEAD, [CONTROL_GREETING, String(added.number), ...fixedMetadata])
    return undefined
  }

  #control(head: FrameHead, metadata: readonly string[]): void {
    const writer = this.#outbox.writer()
    const seq = this.#ring.skip()
    beginFrame(writer, head, Math.floor(seq / TWO_POW_32), seq >>> 0)
    writeMetadata(writer, metadata)
    const payload = beginPayload(writer)
    if (head === HEARTBEAT_HEAD) writeWallTime(writer, this.#host.clock.wallMs())
    endFrame(writer, payload)
    this.#outbox.done()
  }

  #written(): void {
    if (this.#state !== 'open') return
    this.#writtenSeq = this.#encodedSeq
    if (this.#oneways.length === 0) return
    const written = this.#oneways
    this.#oneways = []
    queueMicrotask(() => {
      for (const waiting of written) this.#settle(waiting, () => waiting.reply(undefined))
      this.#endIfRetired()
    })
  }

  #read(buffer: Buffer, length: number): boolean {
    this.#watch.heard = true
    this.#readMs = this.#host.clock.now()
    try {
      this.#splitter.push(buffer, 0, length)
    } catch (error) {
      this.destroy(GomsError.from(error))
    }
    if (this.#retiring) this.#endIfRetired()
    return true
  }

  #take(frame: Frame): void {
    if ((frame.flags & FLAG.response) === 0) {
      const method = controlMethod(frame)
      if (method === DRAINING_METHOD) this.#host.draining()
      else if (method === WELCOME_METHOD) this.#greetings.taken(frame)
      return
    }
    if ((frame.flags & FLAG.heartbeat) !== 0) return
    const waiting = this.#ring.take(seqOf(frame))
    // One that was given up meanwhile, or was never sent.
    if (waiting === undefined || waiting.done) return
    waiting.done = true
    const { bytes, metadataStart, metadataEnd } = frame
    if (metadataStart !== metadataEnd && findMetadata(bytes, metadataStart, metadataEnd, DRAINING_MARK) !== undefined) {
      this.#host.draining()
    }
    if (waiting.head !== undefined) waiting.head.large = frame.end - frame.start >= LARGE_FRAME_BYTES
    deliver(waiting, frame, this.#host.limits.maxFrameBytes, this.#readMs)
  }

  #settle(waiting: RpcWaiting, tell: () => void): void {
    if (waiting.done) return
    waiting.done = true
    tell()
  }

  #endIfRetired(): void {
    if (!this.#retiring || this.#state === 'closed' || this.pending > 0) return
    this.#outbox.flush()
    // What was written still leaves: `destroySoon` waits for it.
    this.#socket.destroySoon()
    this.#state = 'closed'
    this.#connectTimer.cancel()
    this.#watch.stop()
    this.#splitter.stop()
    this.#host.ended(this)
  }
}

function deliver(waiting: RpcWaiting, frame: Frame, maxBytes: number, nowMs: number): void {
  if ((frame.flags & FLAG.status) !== 0) {
    const { bytes, metadataStart, metadataEnd } = frame
    waiting.fault(fromFaultMetadata((name) => findMetadata(bytes, metadataStart, metadataEnd, name)))
    return
  }
  let output: unknown
  try {
    output = decodePayload(frame, waiting.codecs.output, maxBytes)
  } catch (error) {
    const message = `rpc: the answer of ${waiting.service}.${waiting.method} cannot be read: ${GomsError.from(error).message}`
    const unread = { status: undefined, data: undefined, refusal: undefined, retryAfterMs: undefined }
    waiting.fault({ code: 'DATA_LOSS', message, ...unread })
    return
  }
  waiting.reply(output, nowMs)
}

/** Whatever an input throws while it is written is the caller's mistake: no node is to blame. */
function toOwnMistake(error: unknown, { service, method }: RpcRequest): GomsError {
  if (error instanceof GomsError) return error
  const why = error instanceof Error ? error.message : String(error)
  return new GomsError('INVALID_ARGUMENT', `rpc: the input of ${service}.${method} cannot be written: ${why}`, {
    cause: error,
  })
}

/** MessagePack int64 of the time in nanoseconds, as Go's client sends it. */
function writeWallTime(writer: FrameWriter, wallMs: number): void {
  writer.reserve(9)
  writer.bytes[writer.position] = 0xd3
  writer.bytes.writeBigInt64BE(BigInt(Math.floor(wallMs)) * 1_000_000n, writer.position + 1)
  writer.position += 9
}
