/**
 * What a node answers with instead of a result, in metadata: a text that Go reads, and ours beside it, so that code,
 * status and data survive the hop.
 */
import type { Refusal } from '../core/call.ts'

/** An error as it travels; the same fields as a fault of the transport. */
export interface Fault {
  /** Of the table in core/errors.ts, a contract's own, or UNKNOWN for text from Go. */
  readonly code: string
  readonly message: string
  readonly status: number | undefined
  readonly data: unknown
  /** Provably not run. */
  readonly refusal: Refusal | undefined
  readonly retryAfterMs: number | undefined
}

/** Names of metadata on answers. */
export const FAULT_KEYS: {
  /** rpcx's own: the text. */
  readonly message: '__rpcx_error__'
  readonly code: 'goms-code'
  readonly status: 'goms-status'
  /** JSON. */
  readonly data: 'goms-data'
  readonly refused: 'goms-refused'
  readonly retryAfterMs: 'goms-retry-after-ms'
} = {
  message: '__rpcx_error__',
  code: 'goms-code',
  status: 'goms-status',
  data: 'goms-data',
  refused: 'goms-refused',
  retryAfterMs: 'goms-retry-after-ms',
}

/** UTF-16 units of a message; the rest is cut off. */
export const MAX_MESSAGE_CHARS = 8192
/** UTF-16 units of data as JSON; larger data is left out, the error itself still arrives. */
export const MAX_DATA_CHARS: number = 64 * 1024
/** An hour: nobody waits longer because a node says so. */
const MAX_RETRY_AFTER_MS = 3_600_000

const CODE = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/
const REFUSALS: readonly string[] = ['draining', 'overloaded', 'wrong-node', 'unimplemented'] satisfies Refusal[]

/** Names and values in turn, for `writeMetadata`. The frame's status must say error. */
export function toFaultMetadata(fault: Fault): string[] {
  const pairs: string[] = [FAULT_KEYS.message, fault.message.slice(0, MAX_MESSAGE_CHARS), FAULT_KEYS.code, fault.code]
  if (fault.status !== undefined) pairs.push(FAULT_KEYS.status, String(fault.status))
  const data = toJson(fault.data)
  if (data !== undefined && data.length <= MAX_DATA_CHARS) pairs.push(FAULT_KEYS.data, data)
  if (fault.refusal !== undefined) pairs.push(FAULT_KEYS.refused, fault.refusal)
  if (fault.retryAfterMs !== undefined) pairs.push(FAULT_KEYS.retryAfterMs, String(Math.ceil(fault.retryAfterMs)))
  return pairs
}

/**
 * The fault that an answer's metadata tells. Nothing in it is trusted further than its form: a code that is none, a
 * status out of range or data that is no JSON is as good as absent.
 * @param metadata the value of a name, undefined without it
 */
export function fromFaultMetadata(metadata: (name: string) => string | undefined): Fault {
  const text = metadata(FAULT_KEYS.message) ?? ''
  const code = metadata(FAULT_KEYS.code)
  if (code === undefined || !CODE.test(code)) return foreignFault(text, metadata)
  return {
    code,
    message: text,
    status: toStatus(metadata(FAULT_KEYS.status)),
    data: fromJson(metadata(FAULT_KEYS.data)),
    refusal: toRefusal(metadata(FAULT_KEYS.refused)),
    retryAfterMs: toRetryAfter(metadata(FAULT_KEYS.retryAfterMs)),
  }
}

/** Go's: plain text, or JSON where the node's author encodes errors so (rpcx: ServerErrorFunc). */
function foreignFault(text: string, metadata: (name: string) => string | undefined): Fault {
  const parsed = text.startsWith('{') ? fromJson(text) : undefined
  const fields: { code?: unknown; message?: unknown; data?: unknown } =
    typeof parsed === 'object' && parsed !== null ? parsed : {}
  return {
    code: typeof fields.code === 'string' && CODE.test(fields.code) ? fields.code : 'UNKNOWN',
    message: typeof fields.message === 'string' ? fields.message : text,
    status: undefined,
    data: fields.data,
    refusal: toRefusal(metadata(FAULT_KEYS.refused)),
    retryAfterMs: undefined,
  }
}

function toStatus(text: string | undefined): number | undefined {
  return text !== undefined && /^[45]\d\d$/.test(text) ? Number(text) : undefined
}

/** The refusal that `goms-refused` names; undefined for anything else. */
export function toRefusal(text: string | undefined): Refusal | undefined {
  return text !== undefined && REFUSALS.includes(text) ? (text as Refusal) : undefined
}

function toRetryAfter(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Math.min(Number(text), MAX_RETRY_AFTER_MS) : undefined
}

function toJson(data: unknown): string | undefined {
  if (data === undefined) return undefined
  try {
    // BigInt and cycles have no JSON: the error matters more than its data.
    return JSON.stringify(data)
  } catch {
    return undefined
  }
}

function fromJson(text: string | undefined): unknown {
  if (text === undefined || text.length > MAX_DATA_CHARS) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
