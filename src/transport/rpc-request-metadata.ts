/** Writes what a request says beside its input: in brief to a node that has taken the greeting, else name by name. */
import { putUint32 } from '../rpcx/bytes.ts'
import { createFrame, HEAD_BYTES, readFrame } from '../rpcx/frame.ts'
import { encodeMetadata, RPCX, writeEncodedMetadata } from '../rpcx/metadata.ts'
import type { FrameWriter } from '../rpcx/writer.ts'
import { wordsToTraceparent } from '../telemetry/trace-words.ts'
import type { RpcRequest } from './rpc.ts'

/** All of it, name by name. */
export function writeRequestMetadata(writer: FrameWriter, request: RpcRequest): void {
  writeEncodedMetadata(writer, encoded(request.fixedMetadata), pairsOf(request))
}

/** What differs from call to call, as names and values in turn. */
export function pairsOf({ deadlineMs, position, metadata }: RpcRequest): readonly string[] {
  if (deadlineMs === undefined && position === undefined) return metadata
  const pairs: string[] = []
  if (deadlineMs !== undefined) pairs.push(RPCX.timeout, String(deadlineMs))
  if (position !== undefined) pairs.push('traceparent', wordsToTraceparent(position))
  pairs.push(...metadata)
  return pairs
}

/** A frame whose metadata is in brief, for a connection without the greeting: the same with everything name by name. */
export function spellOut(bytes: Buffer, request: RpcRequest): Buffer {
  const frame = createFrame()
  readFrame(bytes, 0, bytes.length, frame)
  const metadata = Buffer.concat([encoded(request.fixedMetadata), encodeMetadata(pairsOf(request))])
  const all = Buffer.concat([bytes.subarray(0, frame.metadataStart), metadata, bytes.subarray(frame.metadataEnd)])
  putUint32(all, 12, all.length - HEAD_BYTES)
  putUint32(all, frame.metadataStart - 4, metadata.length)
  return all
}

const NO_BYTES: Buffer = Buffer.alloc(0)
const encodedPairs = new WeakMap<readonly string[], Buffer>()

function encoded(pairs: readonly string[] | undefined): Buffer {
  if (pairs === undefined) return NO_BYTES
  let bytes = encodedPairs.get(pairs)
  if (bytes === undefined) {
    bytes = encodeMetadata(pairs)
    encodedPairs.set(pairs, bytes)
  }
  return bytes
}
