import { context, ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, expect, it } from 'vitest'
import type { TraceContext } from '../core/context.ts'
import type { TraceBridge } from '../core/trace-bridge.ts'
import { openTelemetryBridge } from './opentelemetry.ts'

const POSITION: TraceContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentId: '00f067aa0ba902b7',
  sampled: true,
  state: 'vendor=1',
}

afterEach(() => {
  context.disable()
  trace.disable()
})

async function setUp(records = true): Promise<{ bridge: TraceBridge; spans: InMemorySpanExporter }> {
  const spans = new InMemorySpanExporter()
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }))
  const bridge = await openTelemetryBridge({ records: () => records })
  if (bridge === undefined) throw new Error('expected a bridge, got none')
  return { bridge, spans }
}

const span = (name = 'theirs'): SpanContext => {
  const begun = trace.getTracer('the test').startSpan(name)
  begun.end()
  return begun.spanContext()
}

it('is not there without a context manager', async () => {
  expect(await openTelemetryBridge({ records: () => true })).toBeUndefined()
  trace.setGlobalTracerProvider(new BasicTracerProvider())
  expect(await openTelemetryBridge({ records: () => true })).toBeUndefined()
})

it('spans begun within a position are its children, over awaits too, with its decision and state', async () => {
  const { bridge, spans } = await setUp()
  await bridge.within(POSITION, async () => {
    await null
    span()
  })
  bridge.within({ ...POSITION, sampled: false }, () => span('not recorded'))
  const [theirs] = spans.getFinishedSpans()
  expect(theirs?.parentSpanContext).toMatchObject({ spanId: POSITION.spanId, isRemote: true })
  expect(theirs?.spanContext().traceId).toBe(POSITION.traceId)
  expect(theirs?.spanContext().traceState?.serialize()).toBe('vendor=1')
  expect(spans.getFinishedSpans()).toHaveLength(1)
})

it('tells of the active span, whose call is below it', async () => {
  const { bridge } = await setUp()
  expect(bridge.active()).toBeUndefined()
  trace.getTracer('the test').startActiveSpan('theirs', (active) => {
    const { traceId, spanId } = active.spanContext()
    expect(bridge.active()).toEqual({ traceId, spanId, parentId: undefined, sampled: true, state: undefined })
    expect(bridge.outside(() => bridge.active())).toBeUndefined()
    active.end()
  })
})

it('a trace id of 64 bits comes back as it was', async () => {
  const { bridge } = await setUp()
  bridge.within({ ...POSITION, traceId: '8448eb211c80319c' }, () => {
    expect(trace.getSpanContext(context.active())?.traceId).toBe('00000000000000008448eb211c80319c')
    expect(bridge.active()?.traceId).toBe('8448eb211c80319c')
  })
})

it('unseen, nothing is recorded', async () => {
  const { bridge, spans } = await setUp()
  bridge.unseen(() => span())
  expect(spans.getFinishedSpans()).toEqual([])
})

it('where we record nothing, their sampler decides about what nobody has decided, and their own span stays the parent', async () => {
  const { bridge } = await setUp(false)
  for (const sampled of [undefined, false]) {
    const begun = bridge.within({ ...POSITION, sampled }, () => span())
    expect(begun.traceId).not.toBe(POSITION.traceId)
    expect(begun.traceFlags).toBe(TraceFlags.SAMPLED)
  }
  expect(bridge.within(POSITION, () => span()).traceId).toBe(POSITION.traceId)
  const theirs = { traceId: POSITION.traceId, spanId: '1111111111111111', traceFlags: TraceFlags.SAMPLED }
  context.with(trace.setSpanContext(ROOT_CONTEXT, theirs), () => {
    expect(bridge.within(POSITION, () => bridge.active()?.spanId)).toBe('1111111111111111')
  })
})
