/** Spans of the way out: what mesh and callers tell a recorder, by a clock that the test holds. */
import { describe, expect, it } from 'vitest'
import type { ManualClock } from '../core/clock.ts'
import { manualClock } from '../core/clock.ts'
import type { CallContext, TraceContext } from '../core/context.ts'
import type { NodeInfo } from '../core/node.ts'
import { defaultTrace } from '../core/observability-options.ts'
import type { ObserveOutbound } from '../core/observe.ts'
import { defaultPolicy } from '../core/options.ts'
import type { CallOptions, MethodOptions } from '../core/rpc-client.ts'
import type { Span } from '../core/span.ts'
import { genericCodec } from '../rpcx/msgpack.ts'
import { createRecorder, type Recorder } from '../telemetry/recorder.ts'
import { createRedactor } from '../telemetry/redaction.ts'
import { createSampler } from '../telemetry/sampler.ts'
import { newTrace } from '../telemetry/trace-context.ts'
import type { RpcEvents, RpcHandler, RpcRequest } from '../transport/rpc.ts'
import { pairsOf } from '../transport/rpc-request-metadata.ts'
import { PlainWaiting } from '../transport/rpc-waiting.ts'
import { FAILED, nodeOf, OK, rigOf, ScriptedCarrier, send, UNANSWERED, UNSENT } from './mesh.fixtures.ts'
import { createRpcCaller, type RpcCallerDeps } from './rpc-call.ts'
import { methodPolicy } from './rpc-policy.ts'

const OURS: Partial<NodeInfo> = { protocols: ['http', 'rpc'], startedAtMs: 1, contract: 'c1' }
const GO: Partial<NodeInfo> = { protocols: ['http', 'rpc'], dialect: 'go-garden' }
const TWO = [nodeOf(1, OURS), nodeOf(2, OURS)]
const DRAWN: TraceContext = { ...newTrace(true), parentId: 'b'.repeat(16) }
const UNDRAWN: TraceContext = { ...newTrace(false), parentId: 'b'.repeat(16) }

interface Recording {
  readonly clock: ManualClock
  readonly recorder: Recorder
  readonly observe: ObserveOutbound
  readonly spans: Span[]
}

function record(more: Partial<typeof defaultTrace> = {}): Recording {
  const clock = manualClock(1000)
  const spans: Span[] = []
  const redactor = createRedactor({ redact: [], secrets: ['the call key'] })
  const recorder = createRecorder({
    ...{ clock, sink: { take: (span) => void spans.push(span) }, nodeOf: (service) => `node of ${service}` },
    ...{ redactor: () => redactor, options: { ...defaultTrace, ...more } },
  })
  return { clock, recorder, observe: recorder.outbound as ObserveOutbound, spans }
}

describe('attempts', () => {
  it('of a drawn call are spans, the first at its own position, with what they met', async () => {
    const { clock, observe, spans } = record()
    const { mesh, call } = rigOf(TWO, { clock, observe })
    await send(mesh, call({}, { trace: DRAWN, attemptSpans: 'own' }), new ScriptedCarrier([UNSENT, OK]))
    expect(spans).toMatchObject([
      {
        ...{ trace: DRAWN, name: 'user/login', kind: 'CLIENT', service: 'test', node: 'node of test' },
        remote: { service: 'user', host: '10.0.0.1', port: 9080 },
        tags: { 'goms.attempt': '1', 'goms.outcome': 'unsent' },
        error: { code: 'UNAVAILABLE' },
      },
      {
        trace: { traceId: DRAWN.traceId, parentId: DRAWN.parentId, sampled: true },
        remote: { service: 'user', host: '10.0.0.2', port: 9080 },
        tags: { 'goms.attempt': '2', 'goms.retry': 'true', 'http.status_code': '200' },
        error: undefined,
      },
    ])
    expect(spans[1]?.trace.spanId).not.toBe(DRAWN.spanId)
  })

  it('take as long as until their head, by the wall’s clock', async () => {
    const { clock, observe, spans } = record()
    const { mesh, call } = rigOf(TWO, { clock, observe })
    const carrier = await send(mesh, call({}, { trace: DRAWN }), new ScriptedCarrier(['hang']))
    clock.advance(70)
    carrier.attempts[0]?.head(OK)
    clock.advance(500)
    carrier.attempts[0]?.end('complete')
    expect(spans).toMatchObject([{ startedMs: clock.wallMs() - 570, durationMs: 70 }])
  })

  it('of a call that was not drawn are forgotten when it ends well', async () => {
    const { clock, observe, spans } = record()
    const { mesh, call } = rigOf(TWO, { clock, observe })
    await send(mesh, call({}, { trace: UNDRAWN }), new ScriptedCarrier([UNSENT, OK]))
    expect(spans).toEqual([])
  })

  it.each([
    ['that failed', [UNSENT, UNANSWERED], {}, 2],
    ['that was answered with 5xx', [FAILED], {}, 1],
    ['that failed, with `errors: false`', [UNSENT, UNANSWERED], { errors: false }, 0],
  ])('of a call %s are recorded all, drawn or not', async (_name, script, options, count) => {
    const { clock, observe, spans } = record(options)
    const { mesh, call } = rigOf(TWO, { clock, observe })
    await send(mesh, call({}, { trace: UNDRAWN }), new ScriptedCarrier(script))
    expect(spans).toHaveLength(count)
  })

  it('of a call that took long are recorded', async () => {
    const { clock, observe, spans } = record({ slowMs: 100 })
    const { mesh, call } = rigOf(TWO, { clock, observe })
    const carrier = await send(mesh, call({}, { trace: UNDRAWN }), new ScriptedCarrier([UNSENT, 'hang']))
    clock.advance(101)
    carrier.attempts[1]?.head(OK)
    expect(spans.map(({ tags }) => tags['goms.attempt'])).toEqual(['1', '2'])
  })

  it('of a call whose time is over say so', async () => {
    const { clock, observe, spans } = record()
    const { mesh, call } = rigOf(TWO, { clock, observe })
    await send(mesh, call({ timeoutMs: 300, retries: 0 }, { trace: UNDRAWN }), new ScriptedCarrier(['hang']))
    clock.advance(301)
    expect(spans).toMatchObject([{ durationMs: 300, tags: { 'goms.outcome': 'timeout' } }])
  })

  it('of a call that was given up are no failure', async () => {
    const { clock, observe, spans } = record()
    const { mesh, call } = rigOf(TWO, { clock, observe })
    const drawn = mesh.dispatch(call({}, { trace: DRAWN }), new ScriptedCarrier(['hang']))
    drawn.cancel()
    mesh.dispatch(call({}, { trace: UNDRAWN }), new ScriptedCarrier(['hang'])).cancel()
    expect(spans).toMatchObject([{ trace: DRAWN, tags: { 'goms.outcome': 'cancelled' }, error: undefined }])
  })

  it('that a middleware kept from happening are one span', async () => {
    const { clock, observe, spans } = record()
    const use = [() => Promise.reject(new Error('closed, the call key is wrong'))]
    const { mesh, call } = rigOf(TWO, { clock, observe, use })
    await send(mesh, call({}, { trace: UNDRAWN }), new ScriptedCarrier([OK]))
    expect(spans).toMatchObject([{ tags: { 'goms.attempt': '0' }, error: { code: 'INTERNAL' } }])
    expect(JSON.stringify(spans)).not.toContain('the call key')
  })
})

describe('attempts are told exactly once, and so is the end', () => {
  const FULL = { limiter: { calls: 1, perMs: 1000 } }

  it.each([
    ['answered', {}, [OK], ['attempt answered', 'call 1 answered']],
    ['tried again', {}, [UNSENT, OK], ['attempt unsent', 'attempt answered', 'call 2 answered']],
    ['failed', {}, [UNANSWERED, UNANSWERED], ['attempt unanswered', 'attempt unanswered', 'call 2 BAD_GATEWAY']],
    [
      'limited',
      { callLimit: { calls: 1, perMs: 1000 } },
      [OK],
      ['attempt answered', 'call 1 answered', 'call 0 RESOURCE_EXHAUSTED'],
    ],
    ['kept from all nodes', FULL, [OK], ['attempt answered', 'call 1 answered', 'call 0 RESOURCE_EXHAUSTED']],
  ])('%s', async (_name, policy, script, expected) => {
    const told: string[] = []
    const observe: ObserveOutbound = () => ({
      attempt: (_call, _attempt, outcome) => void told.push(`attempt ${outcome.stage}`),
      call: (_call, attempts, outcome, error) => void told.push(`call ${attempts} ${outcome?.stage ?? error?.code}`),
      local() {},
    })
    const { mesh, call } = rigOf([nodeOf(1)], { observe })
    const times = expected.filter((line) => line.startsWith('call')).length
    for (let i = 0; i < times; i++) await send(mesh, call(policy), new ScriptedCarrier(script))
    expect(told).toEqual(expected)
  })
})

interface TypedRig extends Recording {
  readonly sent: RpcRequest[]
  call(options?: CallOptions, context?: CallContext): Promise<unknown>
}

/** A typed client whose n-th request is answered by the n-th of `answers`. */
function typed(
  nodes: readonly NodeInfo[],
  answers: readonly ((events: RpcEvents) => void)[],
  more: Partial<RpcCallerDeps> & { readonly options?: MethodOptions; readonly sample?: number } = {},
): TypedRig {
  const recording = record()
  const { clock, observe } = recording
  const { mesh, view } = rigOf(nodes, { clock, observe })
  const sent: RpcRequest[] = []
  const post = (request: RpcRequest, events: RpcEvents): void => {
    sent.push(request)
    const answer = answers[sent.length - 1]
    queueMicrotask(() => answer?.(events))
  }
  const caller = createRpcCaller({
    ...{ dispatcher: mesh, view, clock, caller: 'order', callKey: undefined, overHttp: () => undefined },
    upstream: {
      post: (_address, waiting) => post(waiting, waiting),
      send(_address, request, events) {
        post(request, events)
        return new PlainWaiting(request, events)
      },
      ...{ onDraining: () => () => {}, forget() {}, close: async () => {} },
    },
    policy: ({ options }) => methodPolicy(defaultPolicy, undefined, options),
    codecs: () => ({ input: genericCodec, output: genericCodec }),
    offers: () => true,
    observer: (service, method) => mesh.observer(service, method),
    sampler: createSampler({ sample: more.sample ?? 1, routes: {} }),
    ...more,
  })
  const ref = { service: 'user', method: 'exists', options: { idempotent: true, ...more.options } }
  return { ...recording, sent, call: (options, context) => caller.call(ref, {}, options, context) }
}

const yes = (events: RpcEvents): void => events.reply(true)
const away = (events: RpcEvents): void => events.error(new Error('reset'), 'unanswered')

function within(trace: TraceContext): CallContext {
  return {
    ...{ traceId: trace.traceId, trace, caller: 'gateway', identity: undefined, attempt: 1 },
    ...{ leftMs: () => 5000, signal: new AbortController().signal },
  }
}

const header = (request: RpcRequest, name: string): string | undefined => {
  const pairs = [...(request.fixedMetadata ?? []), ...pairsOf(request)]
  const at = pairs.findIndex((text, i) => i % 2 === 0 && text === name)
  return at < 0 ? undefined : pairs[at + 1]
}

describe('a typed call', () => {
  it('that begins a trace draws for it, and tells the node', async () => {
    for (const sample of [0, 1]) {
      const { call, sent, spans } = typed(TWO, [yes], { sample })
      await call()
      expect(header(sent[0] as RpcRequest, 'traceparent')?.slice(-2)).toBe(sample === 1 ? '01' : '00')
      expect(spans).toHaveLength(sample)
    }
  })

  it('that is tried again travels with the ids that its spans have', async () => {
    const { call, sent, spans } = typed(TWO, [away, yes])
    await call(undefined, within(DRAWN))
    expect(spans.map(({ name, trace }) => [name, trace.parentId])).toEqual([
      ['user.exists', DRAWN.spanId],
      ['user.exists', DRAWN.spanId],
    ])
    const travelled = sent.map((request) => header(request, 'traceparent')?.split('-')[2])
    expect(travelled).toEqual(spans.map(({ trace }) => trace.spanId))
    expect(new Set(travelled).size).toBe(2)
  })

  it('hangs further attempts below the first where it begins the trace', async () => {
    const { call, spans } = typed(TWO, [away, yes])
    await call()
    expect(spans[0]?.trace.parentId).toBeUndefined()
    expect(spans[1]?.trace.parentId).toBe(spans[0]?.trace.spanId)
  })

  it('tells nodes in Go by the headers that are configured', async () => {
    const b3 = typed([nodeOf(1, GO)], [yes])
    await b3.call(undefined, within(DRAWN))
    const span = b3.spans[0]?.trace
    expect(header(b3.sent[0] as RpcRequest, 'x-b3-spanid')).toBe(span?.spanId)
    expect(header(b3.sent[0] as RpcRequest, 'x-b3-sampled')).toBe('1')
    const uber = typed([nodeOf(1, GO)], [yes], { formats: ['uber'] })
    await uber.call(undefined, within(UNDRAWN))
    const sent = uber.sent[0] as RpcRequest
    expect(header(sent, 'uber-trace-id')).toMatch(new RegExp(`^${UNDRAWN.traceId}:[0-9a-f]{16}:${UNDRAWN.spanId}:0$`))
    expect(header(sent, 'x-b3-traceid')).toBeUndefined()
  })
})

describe('a call past the mesh', () => {
  const answering = (how: 'reply' | 'fail' | 'hang', seen: TraceContext[] = []): Partial<RpcCallerDeps> => {
    const handler: RpcHandler = (received, responder) => {
      if (received.position !== undefined) seen.push(received.position)
      if (how === 'reply') responder.reply(true, undefined)
      if (how !== 'fail') return
      const fault = { code: 'UNKNOWN', message: 'no', status: 500, data: undefined }
      responder.fault({ ...fault, refusal: undefined, retryAfterMs: undefined })
    }
    return { local: (id) => (id === 'id-1' ? handler : undefined), direct: true }
  }

  it('is one span, at the position that its handler sees', async () => {
    const seen: TraceContext[] = []
    const { call, spans } = typed([nodeOf(1, OURS)], [], answering('reply', seen))
    await call(undefined, within(DRAWN))
    expect(spans).toMatchObject([
      {
        ...{ name: 'user.exists', kind: 'CLIENT', service: 'order', remote: { service: 'user' } },
        tags: { 'goms.local': 'true', 'rpc.code': 'OK' },
      },
    ])
    expect(seen).toEqual([spans[0]?.trace])
    expect(seen[0]?.parentId).toBe(DRAWN.spanId)
  })

  it('that failed is recorded, drawn or not; one that went well is kept for the call that it is part of', async () => {
    const failed = typed([nodeOf(1, OURS)], [], answering('fail'))
    await expect(failed.call(undefined, within(UNDRAWN))).rejects.toMatchObject({ code: 'UNKNOWN' })
    expect(failed.spans).toMatchObject([{ error: { code: 'UNKNOWN' } }])

    const well = typed([nodeOf(1, OURS)], [], answering('reply'))
    await well.call(undefined, within(UNDRAWN))
    expect(well.spans).toEqual([])
    const served = { ...within(UNDRAWN), transport: 'rpc', name: 'submit', sampled: false } as const
    well.recorder.served?.('order', 'rpc', 'submit')?.served(served, 500, undefined, 0, 1000)
    expect(well.spans.map(({ kind, trace }) => [kind, trace.spanId === UNDRAWN.spanId, trace.parentId])).toEqual([
      ['SERVER', true, UNDRAWN.parentId],
      ['CLIENT', false, UNDRAWN.spanId],
    ])
  })

  it('whose time is over says so', async () => {
    const { call, clock, spans } = typed([nodeOf(1, OURS)], [], answering('hang'))
    const answer = call({ timeoutMs: 100 })
    clock.advance(101)
    await expect(answer).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(spans).toMatchObject([{ durationMs: 100, error: { code: 'DEADLINE_EXCEEDED' } }])
  })
})
