/**
 * OpenTelemetry beside our own traces, through `@opentelemetry/api`, which every SDK implements: code of handlers runs within
 * our spans, and calls are made below the spans of that code.
 */
import type { Context, SpanContext } from '@opentelemetry/api'
import type { TraceContext } from '../core/context.ts'
import type { TraceBridge } from '../core/trace-bridge.ts'

type Api = typeof import('@opentelemetry/api')

/** Under this name the API, version 1, keeps what an SDK has registered, whichever copy of it that SDK has loaded. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1')

/** What `suppressTracing` of `@opentelemetry/core` sets, and every tracer and instrumentation of the SDK looks for. */
const SUPPRESSED = 'OpenTelemetry SDK Context Key SUPPRESS_TRACING'

/** As 16 digits they are one id with what B3 sends. */
const UPPER_ZEROS = '0'.repeat(16)

export interface OpenTelemetryOptions {
  /** Whether this process records spans itself, by now. */
  records(): boolean
}

/**
 * The bridge to the SDK of this process; undefined where none is set up, and then nothing is loaded.
 * @throws Error with code ERR_MODULE_NOT_FOUND: one is, and `@opentelemetry/api` is not installed where we find it
 */
export async function openTelemetryBridge(options: OpenTelemetryOptions): Promise<TraceBridge | undefined> {
  if ((globalThis as Record<symbol, unknown>)[REGISTERED] === undefined) return undefined
  const api = await import('@opentelemetry/api')
  return keepsContext(api) ? createBridge(api, options) : undefined
}

/** The API alone has a context manager too, which forgets at once. */
function keepsContext({ context, createContextKey, ROOT_CONTEXT }: Api): boolean {
  const key = createContextKey('goms')
  return context.with(ROOT_CONTEXT.setValue(key, true), () => context.active().getValue(key) === true)
}

function createBridge(api: Api, { records }: OpenTelemetryOptions): TraceBridge {
  const { context, createContextKey, createTraceState, isSpanContextValid, ROOT_CONTEXT, trace, TraceFlags } = api
  const suppressed = createContextKey(SUPPRESSED)

  function active(): TraceContext | undefined {
    const span = trace.getSpanContext(context.active())
    return span === undefined || !isSpanContextValid(span) ? undefined : toPosition(span)
  }

  function toPosition({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
    return {
      traceId: traceId.startsWith(UPPER_ZEROS) ? traceId.slice(16) : traceId,
      spanId,
      parentId: undefined,
      sampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
      state: traceState?.serialize() || undefined,
    }
  }

  function below({ traceId, spanId, sampled, state }: TraceContext): Context {
    const span: SpanContext = {
      traceId: traceId.padStart(32, '0'),
      spanId,
      traceFlags: sampled === true ? TraceFlags.SAMPLED : TraceFlags.NONE,
      // Not a span of that SDK: what begins below it is the first one of its own here.
      isRemote: true,
      ...(state !== undefined && { traceState: createTraceState(state) }),
    }
    return trace.setSpan(context.active(), trace.wrapSpanContext(span))
  }

  /**
   * Where we record nothing there is no span of ours to be part of. Nobody's wish to record must not look like a wish not to:
   * samplers obey what is above. And a span of their own for the same request is better than a gap.
   */
  function leavesItToThem(position: TraceContext): boolean {
    return !records() && (position.sampled !== true || active()?.traceId === position.traceId)
  }

  return {
    active,
    within: (position, fn) => (leavesItToThem(position) ? fn() : context.with(below(position), fn)),
    outside: (fn) => context.with(ROOT_CONTEXT, fn),
    unseen: (fn) => context.with(context.active().setValue(suppressed, true), fn),
  }
}
