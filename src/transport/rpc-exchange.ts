/** One request on the node's side, from its frame to its answer: what the handler sees, and how it answers. */
import type { MethodCodecs, PayloadCodec } from '../rpcx/codec.ts'
import { FLAG, type Frame } from '../rpcx/frame.ts'
import { findMetadata, type MetadataReader } from '../rpcx/metadata.ts'
import { genericCodec } from '../rpcx/msgpack.ts'
import type { RpcFault, RpcReceived, RpcResponder } from './rpc.ts'
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
  #input: unknown
  #decoded = false
  #onAbort: (() => void) | undefined

  constructor(host: ExchangeHost, frame: Frame, service: string, method: string) {
    this.#host = host
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
    return findMetadata(this.bytes, this.metadataStart, this.metadataEnd, name)
  }

  metadataOf(reader: MetadataReader): readonly (string | undefined)[] {
    return reader.read(this.bytes, this.metadataStart, this.metadataEnd)
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
