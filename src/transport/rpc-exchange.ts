/** One request on the node's side, from its frame to its answer: what the handler sees, and how it answers. */

import type { TraceWords } from '../core/context.ts'
import { BRIEF_BYTES, briefDeadline, briefTrace } from '../rpcx/brief.ts'
import type { MethodCodecs, PayloadCodec } from '../rpcx/codec.ts'
import { FLAG, type Frame } from '../rpcx/frame.ts'
import { findMetadata, type MetadataReader, RPCX } from '../rpcx/metadata.ts'
import { genericCodec } from '../rpcx/msgpack.ts'
import { wordsToTraceparent } from '../telemetry/trace-words.ts'
import type { RpcFault, RpcGreeting, RpcReceived, RpcResponder } from './rpc.ts'
import { decodePayload, type PayloadView } from './rpc-payload.ts'

/** The connection that an exchange belongs to. */
export interface ExchangeHost {
  readonly maxFrameBytes: number
  /** When the read in progress began to hand over requests; now, outside of one. */
  readonly readAtMs: number
  /** The exchange is over; what it held of its request is free. */
  settled(exchange: RpcExchange): void
  writeReply(exchange: RpcExchange, output: unknown, codec: PayloadCodec): void
  writeFault(exchange: RpcExchange, fault: RpcFault): void
}

export class RpcExchange implements RpcReceived, RpcResponder, PayloadView {
  readonly service: string
  readonly method: string
  readonly oneway: boolean
  readonly seqHigh: number
  readonly seqLow: number
  readonly flags: number
  readonly serialize: number
  readonly frameBytes: number
  bytes: Buffer
  metadataStart: number
  metadataEnd: number
  payloadStart: number
  payloadEnd: number
  /** Answered, or of no use any more. */
  over = false
  withdrawn = false
  /** Stands in the connection's list of those that wait. */
  listed = false
  readonly #host: ExchangeHost
  /** What a request in brief goes by; undefined for one that says everything itself. */
  readonly #greeting: RpcGreeting | undefined
  #input: unknown
  #decoded = false
  #onAbort: (() => void) | undefined

  constructor(host: ExchangeHost, frame: Frame, service: string, method: string, greeting: RpcGreeting | undefined) {
    this.#host = host
    this.#greeting = greeting
    this.service = service
    this.method = method
    this.oneway = (frame.flags & FLAG.oneway) !== 0
    this.seqHigh = frame.seqHigh
    this.seqLow = frame.seqLow
    this.flags = frame.flags
    this.serialize = frame.serialize
    this.frameBytes = frame.end - frame.start
    this.bytes = frame.bytes
    this.metadataStart = frame.metadataStart
    this.metadataEnd = frame.metadataEnd
    this.payloadStart = frame.payloadStart
    this.payloadEnd = frame.payloadEnd
  }

  get arrivedAtMs(): number {
    return this.#host.readAtMs
  }

  metadata(name: string): string | undefined {
    const own = findMetadata(this.bytes, this.metadataStart, this.metadataEnd, name)
    return own === undefined && this.#greeting !== undefined ? this.#inBrief(name, this.#greeting) : own
  }

  metadataOf(reader: MetadataReader): readonly (string | undefined)[] {
    const own = reader.read(this.bytes, this.metadataStart, this.metadataEnd)
    const greeting = this.#greeting
    return greeting === undefined
      ? own
      : own.map((value, i) => value ?? this.#inBrief(reader.names[i] as string, greeting))
  }

  get greeting(): RpcGreeting | undefined {
    return this.metadataEnd - this.metadataStart === BRIEF_BYTES ? this.#greeting : undefined
  }

  get deadlineMs(): number | undefined {
    return this.#greeting === undefined ? undefined : briefDeadline(this.bytes, this.metadataStart)
  }

  get trace(): TraceWords | undefined {
    return this.greeting === undefined ? undefined : briefTrace(this.bytes, this.metadataStart)
  }

  /** As if the request said it name by name. */
  #inBrief(name: string, greeting: RpcGreeting): string | undefined {
    if (name === 'traceparent') {
      const trace = briefTrace(this.bytes, this.metadataStart)
      return trace && wordsToTraceparent(trace)
    }
    return name === RPCX.timeout ? this.deadlineMs?.toString() : greeting.metadata(name)
  }

  input(codecs: MethodCodecs | undefined): unknown {
    if (this.#decoded) return this.#input
    this.#input = decodePayload(this, codecs?.input ?? genericCodec, this.#host.maxFrameBytes)
    this.#decoded = true
    return this.#input
  }

  onAbort(listener: () => void): void {
    this.#onAbort = listener
  }

  reply(output: unknown, codecs: MethodCodecs | undefined): void {
    if (this.over) return
    this.over = true
    this.#host.settled(this)
    if (!this.oneway) this.#host.writeReply(this, output, codecs?.output ?? genericCodec)
  }

  fault(fault: RpcFault): void {
    if (this.over) return
    this.over = true
    this.#host.settled(this)
    if (!this.oneway) this.#host.writeFault(this, fault)
  }

  /** The caller withdrew it, or is gone. */
  abort(): void {
    if (this.over) return
    this.over = true
    this.withdrawn = true
    this.#host.settled(this)
    this.#onAbort?.()
  }

  /** The frame's bytes are about to be reused: keeps what may still be asked for. */
  keep(): void {
    const start = this.metadataStart
    const end = this.#decoded ? this.metadataEnd : this.payloadEnd
    this.bytes = Buffer.from(this.bytes.subarray(start, end))
    this.metadataEnd -= start
    this.payloadStart -= start
    this.payloadEnd -= start
    this.metadataStart = 0
  }
}
