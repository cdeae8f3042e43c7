/**
 * The metadata of a request in brief, between nodes of ours: the number of a greeting that says what is the same for many
 * requests, and the rest as bytes of fixed places. It is one pair of the usual metadata, the first. Described in docs/protocol.md.
 */
import type { TraceWords } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import { putUint32, uint32 } from './bytes.ts'
import type { PayloadWriter } from './codec.ts'
import { writePairs } from './metadata.ts'

/** The name of the pair: `~`. */
const NAME = 0x7e
/** Greeting 1, flags 1, deadline 4, trace id 16, span id 8. */
const VALUE_BYTES = 30
/** From the beginning of the metadata, behind two lengths and the name. */
const VALUE_AT = 9
const DEADLINE_AT = VALUE_AT + 2
const TRACE_AT = DEADLINE_AT + 4
/** The whole pair. */
export const BRIEF_BYTES: number = VALUE_AT + VALUE_BYTES

const HAS_DEADLINE = 0x01
const HAS_TRACE = 0x02
const SAMPLED = 0x04
const ALL_FLAGS = 0x07

/** The longest deadline that has room; about 49 days. */
const MAX_DEADLINE_MS = 0xffff_ffff

/**
 * Writes the metadata of a request.
 * @param greeting its number, 0 to 255
 * @param deadlineMs what is left, whole and not negative; undefined: no deadline
 * @param pairs what else is to be said, names and values in turn
 */
export function writeBrief(
  writer: PayloadWriter,
  greeting: number,
  deadlineMs: number | undefined,
  trace: TraceWords | undefined,
  pairs: readonly string[],
): void {
  writer.reserve(4 + BRIEF_BYTES)
  const bytes = writer.bytes
  const at = writer.position + 4
  putUint32(bytes, at - 4, BRIEF_BYTES)
  putUint32(bytes, at, 1)
  bytes[at + 4] = NAME
  putUint32(bytes, at + 5, VALUE_BYTES)
  bytes[at + VALUE_AT] = greeting
  bytes[at + VALUE_AT + 1] =
    (deadlineMs === undefined ? 0 : HAS_DEADLINE) |
    (trace === undefined ? 0 : HAS_TRACE) |
    (trace?.sampled === true ? SAMPLED : 0)
  putUint32(bytes, at + DEADLINE_AT, deadlineMs === undefined ? 0 : Math.min(deadlineMs, MAX_DEADLINE_MS))
  if (trace === undefined) bytes.fill(0, at + TRACE_AT, at + BRIEF_BYTES)
  else putTrace(bytes, at + TRACE_AT, trace)
  writer.position = at + BRIEF_BYTES
  if (pairs.length === 0) return
  const length = BRIEF_BYTES + writePairs(writer, pairs)
  // The writer may have moved to another slab: counted back from where it stands now.
  putUint32(writer.bytes, writer.position - length - 4, length)
}

function putTrace(bytes: Buffer, at: number, trace: TraceWords): void {
  putUint32(bytes, at, trace.trace0)
  putUint32(bytes, at + 4, trace.trace1)
  putUint32(bytes, at + 8, trace.trace2)
  putUint32(bytes, at + 12, trace.trace3)
  putUint32(bytes, at + 16, trace.span0)
  putUint32(bytes, at + 20, trace.span1)
}

/**
 * The number of the greeting that metadata in brief goes by; undefined for metadata that says everything itself. The bytes
 * must be checked.
 * @param greetings how many have been said
 * @throws GomsError DATA_LOSS for what no caller writes
 */
export function greetingOf(bytes: Buffer, start: number, end: number, greetings: number): number | undefined {
  if (end - start < VALUE_AT || uint32(bytes, start) !== 1 || bytes[start + 4] !== NAME) return undefined
  if (uint32(bytes, start + 5) !== VALUE_BYTES) throw damaged(`it takes ${uint32(bytes, start + 5)} bytes`)
  const greeting = bytes[start + VALUE_AT] as number
  if (greeting >= greetings) throw damaged(`greeting ${greeting} was not said`)
  const flags = bytes[start + VALUE_AT + 1] as number
  if ((flags & ~ALL_FLAGS) !== 0) throw damaged(`flags ${flags}`)
  return greeting
}

/** Milliseconds left; undefined without a deadline. `start` is where the metadata begins. */
export function briefDeadline(bytes: Buffer, start: number): number | undefined {
  return ((bytes[start + VALUE_AT + 1] as number) & HAS_DEADLINE) === 0 ? undefined : uint32(bytes, start + DEADLINE_AT)
}

/** The position in a trace; undefined without one. */
export function briefTrace(bytes: Buffer, start: number): TraceWords | undefined {
  const flags = bytes[start + VALUE_AT + 1] as number
  if ((flags & HAS_TRACE) === 0) return undefined
  const at = start + TRACE_AT
  return {
    trace0: uint32(bytes, at) | 0,
    trace1: uint32(bytes, at + 4) | 0,
    trace2: uint32(bytes, at + 8) | 0,
    trace3: uint32(bytes, at + 12) | 0,
    span0: uint32(bytes, at + 16) | 0,
    span1: uint32(bytes, at + 20) | 0,
    sampled: (flags & SAMPLED) !== 0,
  }
}

function damaged(what: string): GomsError {
  return new GomsError('DATA_LOSS', `rpc: damaged metadata in brief: ${what}`)
}
