/** From what an author emits to a message: checked, written as JSON, and sent on its way with the trace of its call. */
import { randomUUID } from 'node:crypto'
import type { EmitOptions, Event } from '../contract/event.ts'
import { describeIssues, toIssues } from '../contract/issues.ts'
import type { Contract } from '../contract/shape.ts'
import type { StandardResult } from '../contract/standard-schema.ts'
import type { Clock } from '../core/clock.ts'
import type { CallContext, TraceContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { EventObserver, ObserveEvents } from '../core/observe.ts'
import { wrongOption } from '../core/option-check.ts'
import { REQUEST_ID } from '../http/request-id.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import { childOf, newTraceWords, rootOf, toTraceparent } from '../telemetry/trace-context.ts'
import { type Broker, type EventMessage, MAX_EVENT_BYTES } from './broker.ts'

/** @param within the call in progress that it is part of */
export type EmitEvent = (
  contract: Contract,
  event: string,
  payload: unknown,
  within: CallContext | undefined,
  options: EmitOptions | undefined,
) => Promise<void>

export interface EmitterDeps {
  /** The broker at once where it is open. */
  broker(): Broker | Promise<Broker>
  /** Service that emits. */
  readonly from: string
  readonly clock: Clock
  readonly sampler?: Sampler | undefined
  readonly observe?: ObserveEvents | undefined
}

/** What is the same for all events of one name. */
interface Known {
  readonly name: string
  readonly schema: Event['schema']
  readonly observer: EventObserver | undefined
}

const CONFIRM_MS = 10_000
const MAX_TIMEOUT_MS = 3_600_000
const MAX_EXPIRES_MS = 30 * 86_400_000
const ID = /^[\x21-\x7e]{1,255}$/
const NO_OPTIONS: EmitOptions = {}

export function createEmitter(deps: EmitterDeps): EmitEvent {
  const { from, clock } = deps
  const known = new WeakMap<Contract, Map<string, Known>>()

  function emit(
    contract: Contract,
    event: string,
    payload: unknown,
    within: CallContext | undefined,
    options: EmitOptions = NO_OPTIONS,
  ): Promise<void> {
    const { name, schema, observer } = knownOf(contract, event)
    if (options !== NO_OPTIONS) checkOptions(name, options)
    const startedMs = clock.now()
    const trace = traceOf(within, name)
    const result = schema?.['~standard'].validate(payload)
    const sent =
      result instanceof Promise
        ? result.then((settled) => publish(name, payload, settled, trace, within, options))
        : attempt(() => publish(name, payload, result, trace, within, options))
    return observed(sent, trace, observer, startedMs)
  }

  function knownOf(contract: Contract, event: string): Known {
    let events = known.get(contract)
    if (events === undefined) {
      events = new Map()
      known.set(contract, events)
    }
    let one = events.get(event)
    if (one === undefined) {
      const name = `${contract.name}.${event}`
      one = { name, schema: declaredIn(contract, event).schema, observer: deps.observe?.(from, name) }
      events.set(event, one)
    }
    return one
  }

  function publish(
    name: string,
    payload: unknown,
    result: StandardResult<unknown> | undefined,
    trace: TraceContext,
    within: CallContext | undefined,
    options: EmitOptions,
  ): Promise<void> {
    const body = bodyOf(name, result, payload)
    const withinMs = Math.min(options.timeoutMs ?? CONFIRM_MS, within?.leftMs() ?? CONFIRM_MS)
    if (withinMs <= 0) {
      throw new GomsError('DEADLINE_EXCEEDED', `event ${name}: the call that it belongs to has no time left`)
    }
    const message = toMessage(name, body, trace, within, options)
    const broker = deps.broker()
    return broker instanceof Promise
      ? broker.then((opened) => opened.publish(message, withinMs))
      : broker.publish(message, withinMs)
  }

  function observed(
    sent: Promise<void>,
    trace: TraceContext,
    observer: EventObserver | undefined,
    startedMs: number,
  ): Promise<void> {
    return sent.then(
      observer && (() => observer.emitted(trace, undefined, startedMs, clock.now())),
      (thrown: unknown) => {
        const error = GomsError.from(thrown)
        error.traceId ??= trace.traceId
        observer?.emitted(trace, error, startedMs, clock.now())
        throw error
      },
    )
  }

  /** The position of the emitting itself, which handlers come below. */
  function traceOf(within: CallContext | undefined, name: string): TraceContext {
    if (within !== undefined) return childOf(within.trace)
    return rootOf(newTraceWords(deps.sampler, from, name), deps.sampler !== undefined)
  }

  function toMessage(
    name: string,
    body: string,
    trace: TraceContext,
    within: CallContext | undefined,
    { id = randomUUID(), expiresInMs }: EmitOptions,
  ): EventMessage {
    // Only we read what we emit: one format is enough, and headers are what a broker is slow at.
    const headers: Record<string, string> = { traceparent: toTraceparent(trace) }
    if (trace.state !== undefined) headers.tracestate = trace.state
    const requestId = within?.requestId
    if (requestId !== undefined) headers[REQUEST_ID] = requestId
    const emittedAtMs = clock.wallMs()
    const expiresAtMs = expiresInMs === undefined ? undefined : emittedAtMs + expiresInMs
    return { id, name, from, headers, body, emittedAtMs, expiresAtMs }
  }

  return (contract, event, payload, within, options) => attempt(() => emit(contract, event, payload, within, options))
}

/** What throws at once rejects. */
function attempt(run: () => Promise<void>): Promise<void> {
  try {
    return run()
  } catch (thrown) {
    return Promise.reject(thrown)
  }
}

function declaredIn(contract: Contract, event: string): Event {
  const events = contract.shape.events ?? {}
  const found = Object.hasOwn(events, event) ? events[event] : undefined
  if (found !== undefined) return found
  const known = Object.keys(events).join(', ') || 'none'
  throw new GomsError('INVALID_ARGUMENT', `emit: the contract "${contract.name}" has no event "${event}" (${known})`)
}

/** What was given travels, not what the schema makes of it: whoever receives it reads it by the same schema. */
function bodyOf(name: string, result: StandardResult<unknown> | undefined, payload: unknown): string {
  if (result?.issues !== undefined) {
    const issues = toIssues('payload', result.issues)
    throw new GomsError('INVALID_ARGUMENT', `event ${name}: ${describeIssues(issues)}`, { data: issues })
  }
  let body: string
  try {
    body = JSON.stringify(payload) ?? 'null'
  } catch (cause) {
    throw new GomsError('INVALID_ARGUMENT', `event ${name}: the payload is no JSON: ${String(cause)}`, { cause })
  }
  // Most are far smaller than their bytes would have to be counted for.
  const bytes = body.length * 3 <= MAX_EVENT_BYTES ? 0 : Buffer.byteLength(body)
  if (bytes <= MAX_EVENT_BYTES) return body
  throw new GomsError(
    'INVALID_ARGUMENT',
    `event ${name}: expected at most ${MAX_EVENT_BYTES} bytes of JSON, got ${bytes}; put it into a store and emit its address`,
  )
}

function checkOptions(name: string, { id, expiresInMs, timeoutMs }: EmitOptions): void {
  const check = (option: string, ok: boolean, found: unknown, expected: string): void => {
    if (!ok) throw wrongOption(`event ${name}`, option, expected, found, 'INVALID_ARGUMENT')
  }
  const isMs = (ms: unknown, most: number): boolean =>
    ms === undefined || (typeof ms === 'number' && Number.isFinite(ms) && ms >= 1 && ms <= most)
  check('id', id === undefined || (typeof id === 'string' && ID.test(id)), id, '1 to 255 visible ASCII characters')
  check('expiresInMs', isMs(expiresInMs, MAX_EXPIRES_MS), expiresInMs, `1 to ${MAX_EXPIRES_MS}`)
  check('timeoutMs', isMs(timeoutMs, MAX_TIMEOUT_MS), timeoutMs, `1 to ${MAX_TIMEOUT_MS}`)
}
