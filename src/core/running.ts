/** What a running process offers to code that is not handed anything: its settings, and calls to other services. */
import { GomsError } from './errors.ts'
import type { Settings } from './options.ts'
import type { CallOptions, MethodRef } from './rpc-client.ts'

/** A call of an action of another service. */
export interface ActionRequest {
  /** @default 'GET' */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Appended to the route's path. */
  readonly query?: Readonly<Record<string, string | number | boolean>>
  /** Sent as JSON with its content type. Not together with `body`. */
  readonly json?: unknown
  readonly body?: string | Uint8Array
  /** Until the head of the answer, waits and retries included; never more than the call in progress has left. */
  readonly timeoutMs?: number
  /** Further attempts, 0 to 10. @default the route's */
  readonly retries?: number
  readonly signal?: AbortSignal
}

export interface Running {
  readonly settings: Settings
  fetchAction(service: string, action: string, request: ActionRequest): Promise<Response>
  /** Calls a method as part of the call that the running code belongs to. */
  callMethod(ref: MethodRef, input: unknown, options: CallOptions | undefined): Promise<unknown>
  /** Emits an event as part of the call that the running code belongs to. */
  emit(contract: Described, event: string, payload: unknown, options: object | undefined): Promise<void>
}

/** A contract, of which this floor knows no more. */
interface Described {
  readonly kind: 'contract'
  readonly name: string
  readonly shape: object
}

let current: Running | undefined

/** For `app/` only: tells this module who is running, or that nobody is any more. */
export function setRunning(running: Running | undefined): void {
  current = running
}

function running(what: string): Running {
  if (current) return current
  throw new GomsError('FAILED_PRECONDITION', `${what}: no service is running in this process`, {
    detail: { fix: 'call it from a handler, or after `serve(…)` has resolved' },
  })
}

/**
 * Calls an action of another service at one of its nodes, over HTTP, and resolves with the answer whatever its status.
 * Trace, deadline, caller and identity of the call in progress go along; node, retries, breaker and limiter are those of
 * the route. The path is the one that the configuration or the service's contract gives to the action.
 * @throws GomsError NOT_FOUND (no such action), UNAVAILABLE, RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED, BAD_GATEWAY, CANCELLED
 */
export async function fetchAction(service: string, action: string, request: ActionRequest = {}): Promise<Response> {
  return running('fetchAction').fetchAction(service, action, request)
}

/** The settings that this process runs with, the addresses of optional components among them. */
export function settings(): Settings {
  return running('settings').settings
}

/** The way of a typed client that is not a handler's: part of the call that the running code belongs to, if any. */
export function callMethod(ref: MethodRef, input: unknown, options: CallOptions | undefined): Promise<unknown> {
  try {
    return (current ?? running(`${ref.service}.${ref.method}`)).callMethod(ref, input, options)
  } catch (thrown) {
    return Promise.reject(thrown)
  }
}

/** The way of an emitter that is not a handler's. */
export function emitEvent(
  contract: Described,
  event: string,
  payload: unknown,
  options: object | undefined,
): Promise<void> {
  try {
    return (current ?? running(`emit ${contract.name}.${event}`)).emit(contract, event, payload, options)
  } catch (thrown) {
    return Promise.reject(thrown)
  }
}
