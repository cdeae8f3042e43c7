/** From what an author emits to a message: checked, written as JSON, and sent on its way with the trace of its call. */
import { randomUUID } from 'node:crypto'
import type { EmitOptions, Event } from '../contract/event.ts'
import { describeIssues, toIssues } from '../contract/issues.ts'
import type { Contract } from '../contract/shape.ts'
import type { Clock } from '../core/clock.ts'
import type { CallContext, TraceContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { TraceFormat } from '../core/observability-options.ts'
import type { ObserveEvents } from '../core/observe.ts'
import { REQUEST_ID } from '../http/request-id.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import { childOf, newTraceWords, rootOf, writeTraceContext } from '../telemetry/trace-context.ts'
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
  broker(): Promise<Broker>
  /** Service that emits. */
  readonly from: string
  readonly clock: Clock
  readonly formats: readonly TraceFormat[]
  readonly sampler?: Sampler | undefined
  readonly observe?: ObserveEvents | undefined
}

const CONFIRM_MS = 10_000
const MAX_TIMEOUT_MS = 3_600_000
const MAX_EXPIRES_MS = 30 * 86_400_000
const ID = /^[\x21-\x7e]{1,255}$/

export function createEmitter(deps: EmitterDeps): EmitEvent {
  const { from, clock } = deps

  return async (contract, event, payload, within, options = {}) => {
    const name = `${contract.name}.${event}`
    const declared = declaredIn(contract, event)
    checkOptions(name, options)
    const observer = deps.observe?.(from, name)
    const startedMs = clock.now()
    const trace = traceOf(within, name)
    try {
      const body = await bodyOf(name, declared, payload)
      const withinMs = Math.min(options.timeoutMs ?? CONFIRM_MS, within?.leftMs() ?? CONFIRM_MS)
      if (withinMs <= 0) {
        throw new GomsError('DEADLINE_EXCEEDED', `event ${name}: the call that it belongs to has no time left`)
      }
      const broker = await deps.broker()
      await broker.publish(toMessage(name, body, trace, within, options), withinMs)
      observer?.emitted(trace, undefined, startedMs, clock.now())
    } catch (thrown) {
      const error = GomsError.from(thrown)
      error.traceId ??= trace.traceId
      observer?.emitted(trace, error, startedMs, clock.now())
      throw error
    }
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
    const written = writeTraceContext(trace, [], deps.formats)
    const headers: Record<string, string> = {}
    for (let i = 0; i < written.length; i += 2) headers[written[i] as string] = written[i + 1] as string
    if (within?.requestId !== undefined) headers[REQUEST_ID] = within.requestId
    const emittedAtMs = clock.wallMs()
    const expiresAtMs = expiresInMs === undefined ? undefined : emittedAtMs + expiresInMs
    return { id, name, from, headers, body, emittedAtMs, expiresAtMs }
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
async function bodyOf(name: string, { schema }: Event, payload: unknown): Promise<string> {
  const result = await schema?.['~standard'].validate(payload)
  if (result?.issues !== undefined) {
    const issues = toIssues('payload', result.issues)
    throw new GomsError('INVALID_ARGUMENT', `event ${name}: ${describeIssues(issues)}`, { data: issues })
  }
  let body: string | undefined
  try {
    body = JSON.stringify(payload) ?? 'null'
  } catch (cause) {
    throw new GomsError('INVALID_ARGUMENT', `event ${name}: the payload is no JSON: ${String(cause)}`, { cause })
  }
  const bytes = Buffer.byteLength(body)
  if (bytes <= MAX_EVENT_BYTES) return body
  throw new GomsError(
    'INVALID_ARGUMENT',
    `event ${name}: expected at most ${MAX_EVENT_BYTES} bytes of JSON, got ${bytes}; put it into a store and emit its address`,
  )
}

function checkOptions(name: string, { id, expiresInMs, timeoutMs }: EmitOptions): void {
  const check = (option: string, ok: boolean, found: unknown, expected: string): void => {
    if (ok) return
    const shown = `\`${String(found).slice(0, 80)}\` (${typeof found})`
    throw new GomsError('INVALID_ARGUMENT', `event ${name}: expected \`${option}\` to be ${expected}, got ${shown}`)
  }
  const isMs = (ms: unknown, most: number): boolean =>
    ms === undefined || (typeof ms === 'number' && Number.isFinite(ms) && ms >= 1 && ms <= most)
  check('id', id === undefined || (typeof id === 'string' && ID.test(id)), id, '1 to 255 visible ASCII characters')
  check('expiresInMs', isMs(expiresInMs, MAX_EXPIRES_MS), expiresInMs, `1 to ${MAX_EXPIRES_MS}`)
  check('timeoutMs', isMs(timeoutMs, MAX_TIMEOUT_MS), timeoutMs, `1 to ${MAX_TIMEOUT_MS}`)
}
