/**
 * The frames that goms adds to rpcx, between nodes of ours only. All are requests without an answer, which Go's server and
 * client pass over. Described in docs/protocol.md.
 */
import { createFrameHead, FLAG, type Frame, type FrameHead, SERIALIZE } from '../rpcx/frame.ts'
import { findMetadata } from '../rpcx/metadata.ts'
import { readText } from '../rpcx/text.ts'

/** Service path of what is meant for the connection and not for a service: no service can be called so. */
export const CONTROL_PATH = '_goms'

/** From a caller: the request of that number (metadata {@link CONTROL_SEQ}) is of no use any more. */
export const CANCEL_METHOD = 'cancel'
export const CONTROL_SEQ = 'goms-seq'

/** From a node: it is leaving, and calls go elsewhere. */
export const DRAINING_METHOD = 'draining'
/** In the metadata of an answer: the same. */
export const DRAINING_MARK = 'goms-draining'

/** From a caller: what is the same for many of its requests, as the greeting of that number (metadata {@link CONTROL_GREETING}). */
export const HELLO_METHOD = 'hello'
/** From a node: it has taken the greeting of that number. */
export const WELCOME_METHOD = 'welcome'
export const CONTROL_GREETING = 'goms-greeting'

/** What begins the names by which a caller of ours is known. */
export const OUR_PREFIX = 'goms-'

export const CANCEL_HEAD: FrameHead = createFrameHead(FLAG.oneway, SERIALIZE.raw, CONTROL_PATH, CANCEL_METHOD)
export const HELLO_HEAD: FrameHead = createFrameHead(FLAG.oneway, SERIALIZE.raw, CONTROL_PATH, HELLO_METHOD)
export const WELCOME_HEAD: FrameHead = createFrameHead(FLAG.oneway, SERIALIZE.raw, CONTROL_PATH, WELCOME_METHOD)
export const DRAINING_HEAD: FrameHead = createFrameHead(FLAG.oneway, SERIALIZE.raw, CONTROL_PATH, DRAINING_METHOD)
export const HEARTBEAT_HEAD: FrameHead = createFrameHead(FLAG.heartbeat, SERIALIZE.msgpack, '', '')

/** The method of a control frame; undefined for every other. */
export function controlMethod(frame: Frame): string | undefined {
  const { bytes, pathStart } = frame
  if ((frame.flags & FLAG.oneway) === 0 || frame.pathEnd - pathStart !== CONTROL_PATH.length) return undefined
  if (readText(bytes, pathStart, frame.pathEnd) !== CONTROL_PATH) return undefined
  return readText(bytes, frame.methodStart, frame.methodEnd)
}

/** The number that a cancel frame withdraws; undefined when it is damaged. */
export function cancelledSeq(frame: Frame): number | undefined {
  const text = findMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd, CONTROL_SEQ)
  const seq = text === undefined ? Number.NaN : Number(text)
  return Number.isSafeInteger(seq) && seq >= 0 ? seq : undefined
}

/** The number of a frame as one; beyond 2^53 it is not exact, which no caller of ours reaches. */
export function seqOf(frame: { readonly seqHigh: number; readonly seqLow: number }): number {
  return frame.seqHigh * 0x1_0000_0000 + frame.seqLow
}
