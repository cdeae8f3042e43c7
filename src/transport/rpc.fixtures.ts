/** What the tests of RPC connections share: a listener and an upstream that are closed after each test, and raw frames. */
import { connect, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import type { Address } from '../core/node.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import { beginFrame, beginPayload, createFrameHead, endFrame } from '../rpcx/frame.ts'
import { writeMetadata } from '../rpcx/metadata.ts'
import { genericCodec } from '../rpcx/msgpack.ts'
import { createSplitter } from '../rpcx/splitter.ts'
import { createWriter } from '../rpcx/writer.ts'
import { listenOn } from './listen.ts'
import type { RpcEvents, RpcFault, RpcHandler, RpcListener, RpcRequest, RpcStage } from './rpc.ts'
import { createRpcListener, type RpcListenerOptions } from './rpc-listener.ts'
import type { RpcUpstream } from './rpc-upstream.ts'
import { createRpcUpstream, type RpcUpstreamOptions } from './rpc-upstream.ts'

export const generic: MethodCodecs = { input: genericCodec, output: genericCodec }

/** What a call came to. */
export type Result =
  | { readonly kind: 'reply'; readonly output: unknown }
  | { readonly kind: 'fault'; readonly fault: RpcFault }
  | { readonly kind: 'error'; readonly error: Error; readonly stage: RpcStage }

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

export const echo: RpcHandler = (received, responder) => responder.reply(received.input(undefined), undefined)

/** Answers after the turn, as an asynchronous handler does. */
export const lateEcho: RpcHandler = (received, responder) => {
  const input = received.input(undefined)
  setImmediate(() => responder.reply(input, undefined))
}

export async function openListener(
  options: RpcListenerOptions,
): Promise<{ listener: RpcListener; address: Address; dial(): Socket }> {
  const listener = createRpcListener(options)
  const address = await listenOn(listener.server, 0, '127.0.0.1')
  closers.push(() => listener.close(0))
  return {
    listener,
    address,
    dial() {
      const socket = connect(address.port, address.host)
      socket.on('error', () => {})
      closers.push(async () => socket.destroy())
      return socket
    },
  }
}

export function openUpstream(options: RpcUpstreamOptions = {}): RpcUpstream {
  const upstream = createRpcUpstream(options)
  closers.push(() => upstream.close())
  return upstream
}

export function request(input: unknown, more: Partial<RpcRequest> = {}): RpcRequest {
  const { service = 'user', method = 'exists', metadata = ['goms-caller', 'test'] } = more
  return { service, method, input, metadata, codecs: generic, oneway: false, cancellable: true, ...more }
}

export function call(upstream: RpcUpstream, address: Address, asked: RpcRequest): Promise<Result> {
  return new Promise((resolve, reject) => {
    let told = false
    const tell = (result: Result): void => {
      if (told) reject(new Error(`told twice: ${JSON.stringify(result)}`))
      told = true
      resolve(result)
    }
    const events: RpcEvents = {
      reply: (output) => tell({ kind: 'reply', output }),
      fault: (fault) => tell({ kind: 'fault', fault }),
      error: (error, stage) => tell({ kind: 'error', error, stage }),
    }
    upstream.send(address, asked, events)
  })
}

export interface FrameParts {
  readonly flags?: number
  readonly serialize?: number
  readonly seq?: number
  readonly path?: string
  readonly method?: string
  readonly metadata?: readonly string[]
  readonly payload?: Buffer
}

export function rawFrame(parts: FrameParts = {}): Buffer {
  const { flags = 0, serialize = 0x30, seq = 1, path = 'user', method = 'exists', metadata = [] } = parts
  const payload = parts.payload ?? Buffer.from([0xc0])
  const writer = createWriter(128 * 1024 * 1024)
  beginFrame(writer, createFrameHead(flags, serialize, path, method), Math.floor(seq / 2 ** 32), seq >>> 0)
  writeMetadata(writer, metadata)
  const offset = beginPayload(writer)
  writer.reserve(payload.length)
  writer.bytes.set(payload, writer.position)
  writer.position += payload.length
  endFrame(writer, offset)
  return Buffer.from(writer.take())
}

/** MessagePack of a value. */
export function encodeWith(value: unknown): Buffer {
  const writer = createWriter()
  genericCodec.encode(value, writer)
  return Buffer.from(writer.take())
}

export interface SeenFrame {
  readonly flags: number
  readonly seq: number
  readonly method: string
  readonly metadata: string
  readonly payload: Buffer
}

/** Frames as they arrive on a bare connection. */
export function framesOf(socket: Socket): { next(): Promise<SeenFrame>; readonly seen: readonly SeenFrame[] } {
  const seen: SeenFrame[] = []
  let given = 0
  let wake = (): void => {}
  const splitter = createSplitter(
    (frame) => {
      const part = (start: number, end: number): Buffer => Buffer.from(frame.bytes.subarray(start, end))
      seen.push({
        flags: frame.flags,
        seq: frame.seqHigh * 2 ** 32 + frame.seqLow,
        method: part(frame.methodStart, frame.methodEnd).toString(),
        metadata: part(frame.metadataStart, frame.metadataEnd).toString('latin1'),
        payload: part(frame.payloadStart, frame.payloadEnd),
      })
      wake()
    },
    128 * 1024 * 1024,
  )
  socket.on('data', (chunk: Buffer) => splitter.push(chunk))
  return {
    seen,
    async next() {
      while (seen.length === given) await new Promise<void>((resolve) => (wake = resolve))
      return seen[given++] as SeenFrame
    },
  }
}

export async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()))
}

/** Waits for a condition that events bring about soon; fails after 5 s. */
export async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 5000
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('until: not within 5 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
