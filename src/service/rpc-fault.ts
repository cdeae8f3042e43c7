/** Turns what a handler threw into what its caller is told: an author's own errors whole, everything else as an id. */
import { GomsError, isCallCode, isSetupCode } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { RpcFault } from '../transport/rpc.ts'
import type { Denial } from './refusal.ts'

/** What is needed to say what went wrong. */
export interface FaultDeps {
  readonly log: Log
  /** Ids of unexpected errors. */
  newErrorId(): string
}

interface Failed {
  /** `user.exists` */
  readonly where: string
  readonly errors: Readonly<Record<string, unknown>> | undefined
  readonly traceId: string
}

/** The status of an error that the contract declares, unless it was given one: the request was understood, and declined. */
const DECLARED_STATUS = 422
const DEFAULT_STATUS = 500

const MAX_DEPTH = 32
const MAX_VALUES = 10_000

/** Why the node did not call the handler. */
export function denialFault(denial: Denial, where: string): RpcFault {
  const { code, msg, status, refused, retryAfterSeconds } = denial
  return {
    code,
    message: `${where}: ${msg}`,
    status,
    data: undefined,
    refusal: refused,
    retryAfterMs: retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000,
  }
}

/**
 * A GomsError keeps code, status, message and data. Anything else, and mistakes in this service's own setup, are INTERNAL
 * with an id: the log has the rest, and nobody else is told.
 */
export function toFault(thrown: unknown, failed: Failed, deps: FaultDeps): RpcFault {
  if (!(thrown instanceof GomsError) || isSetupCode(thrown.code)) return unexpected(thrown, failed, deps)
  const { code, message, data, retryAfterMs } = thrown
  return {
    code,
    message,
    status: statusOf(thrown, failed),
    data: travels(data) ? data : dropped(code, failed, deps.log),
    refusal: undefined,
    retryAfterMs,
  }
}

function statusOf({ code, status }: GomsError, { errors }: Failed): number {
  const isDeclared = errors !== undefined && Object.hasOwn(errors, code) && !isCallCode(code)
  return isDeclared && status === DEFAULT_STATUS ? DECLARED_STATUS : status
}

function unexpected(thrown: unknown, { where, traceId }: Failed, { log, newErrorId }: FaultDeps): RpcFault {
  const errorId = newErrorId()
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  log.error(`rpc: ${where} failed: ${message} (error id ${errorId})`, {
    errorId,
    traceId,
    err: thrown instanceof Error ? thrown : undefined,
  })
  return {
    code: 'INTERNAL',
    message: `${where}: it failed; the log of the service has it as error id ${errorId}`,
    status: DEFAULT_STATUS,
    data: undefined,
    refusal: undefined,
    retryAfterMs: undefined,
  }
}

function dropped(code: string, { where, traceId }: Failed, log: Log): undefined {
  log.warn(`rpc: ${where}: the data of ${code} cannot travel and was left out`, { traceId })
}

/** Whether a value is plain data: no functions, symbols or circles, and of a size that an error may have. */
function travels(value: unknown): boolean {
  let left = MAX_VALUES
  const visit = (one: unknown, depth: number): boolean => {
    if (--left < 0 || depth > MAX_DEPTH) return false
    if (typeof one === 'function' || typeof one === 'symbol') return false
    if (typeof one !== 'object' || one === null || one instanceof Date || ArrayBuffer.isView(one)) return true
    if (one instanceof Map || one instanceof Set) return false
    return (Array.isArray(one) ? one : Object.values(one)).every((item) => visit(item, depth + 1))
  }
  return visit(value, 0)
}
