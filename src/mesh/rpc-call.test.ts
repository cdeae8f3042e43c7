import { describe, expect, it } from 'vitest'
import type { CallContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { NodeInfo } from '../core/node.ts'
import { defaultPolicy } from '../core/options.ts'
import type { CallOptions, MethodOptions, MethodRef } from '../core/rpc-client.ts'
import { genericCodec } from '../rpcx/msgpack.ts'
import type { RpcEvents, RpcFault, RpcHandler, RpcRequest } from '../transport/rpc.ts'
import { pairsOf } from '../transport/rpc-request-metadata.ts'
import type { RpcUpstream } from '../transport/rpc-upstream.ts'
import { PlainWaiting } from '../transport/rpc-waiting.ts'
import { type MeshRig, nodeOf, rigOf } from './mesh.fixtures.ts'
import { createRpcCaller, type RpcCallerDeps } from './rpc-call.ts'
import { methodPolicy } from './rpc-policy.ts'

interface Sent {
  readonly host: string
  readonly request: RpcRequest
  readonly events: RpcEvents
  aborted: boolean
}

interface Rig extends Omit<MeshRig, 'call'> {
  readonly sent: Sent[]
  call(input?: unknown, options?: CallOptions, context?: CallContext): Promise<unknown>
}

const OURS: Partial<NodeInfo> = { protocols: ['http', 'rpc'], startedAtMs: 1, contract: 'c1' }
const GO: Partial<NodeInfo> = { protocols: ['http', 'rpc'], dialect: 'go-garden' }
const TWO = [nodeOf(1, OURS), nodeOf(2, OURS)]
const FAULT: RpcFault = {
  code: 'NOT_FOUND',
  message: 'no user "eve"',
  status: 404,
  data: { username: 'eve' },
  refusal: undefined,
  retryAfterMs: undefined,
}

/** An upstream that answers as `answer` says, a moment later. */
function open(
  nodes: readonly NodeInfo[],
  answer: (sent: Sent, at: number) => void,
  more: Partial<RpcCallerDeps> & { readonly options?: MethodOptions } = {},
): Rig {
  const rig = rigOf(nodes)
  const sent: Sent[] = []
  const upstream: RpcUpstream = {
    post(address, waiting) {
      const one: Sent = { host: address.host, request: waiting, events: waiting, aborted: false }
      waiting.room = {
        withdraw() {
          one.aborted = true
        },
      }
      sent.push(one)
      queueMicrotask(() => answer(one, sent.length))
    },
    send(address, request, events) {
      const waiting = new PlainWaiting(request, events)
      upstream.post(address, waiting)
      return waiting
    },
    onDraining: () => () => {},
    forget() {},
    async close() {},
  }
  const ref: MethodRef = { service: 'user', method: 'exists', options: more.options }
  const caller = createRpcCaller({
    dispatcher: rig.mesh,
    upstream,
    callKey: 'the call key',
    view: rig.view,
    policy: ({ options }) => methodPolicy(defaultPolicy, undefined, options),
    codecs: () => ({ input: genericCodec, output: genericCodec }),
    offers: (hash) => hash === 'c1',
    overHttp: () => undefined,
    caller: 'order',
    clock: rig.clock,
    ...more,
  })
  return { ...rig, sent, call: (input, options, context) => caller.call(ref, input, options, context) }
}

const reply = ({ events, request }: Sent): void => events.reply(request.input)

function metadataOf({ request }: Sent): Record<string, string> {
  const pairs: [string, string][] = []
  const all = [...(request.fixedMetadata ?? []), ...pairsOf(request)]
  for (let i = 0; i < all.length; i += 2) pairs.push([all[i] as string, all[i + 1] as string])
  return Object.fromEntries(pairs)
}

describe('a typed call', () => {
  it('that fails says in which trace', async () => {
    const { call, sent } = open(TWO, ({ events }) => events.fault(FAULT))
    const error: unknown = await call({}).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'NOT_FOUND', traceId: metadataOf(sent[0] as Sent).traceparent?.slice(3, 35) })
  })

  it('goes to a node of the service and gives its answer', async () => {
    const { call, sent } = open(TWO, reply)
    expect(await call({ username: 'bob' })).toEqual({ username: 'bob' })
    expect(sent[0]).toMatchObject({ host: '10.0.0.1', request: { service: 'user', method: 'exists' } })
  })

  it('tells the node who calls, for how long, where in the trace, and which node is meant', async () => {
    const { call, sent } = open(TWO, reply, { options: { timeoutMs: 1000 } })
    await call({})
    expect(metadataOf(sent[0] as Sent)).toEqual({
      __AUTH: 'the call key',
      __ServerTimeout: '995',
      'goms-caller': 'order',
      'goms-target': 'user/id-1',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/),
    })
  })

  it('is part of the call in progress: trace, identity and the time that is left', async () => {
    const { call, sent } = open(TWO, reply)
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentId: undefined, sampled: true, state: 'x=y' }
    const context: CallContext = {
      traceId: trace.traceId,
      trace,
      caller: 'gateway',
      identity: { name: 'bob' },
      attempt: 1,
      leftMs: () => 300,
      signal: new AbortController().signal,
    }
    await call({}, undefined, context)
    const metadata = metadataOf(sent[0] as Sent)
    expect(metadata).toMatchObject({ __ServerTimeout: '295', tracestate: 'x=y' })
    expect(metadata.traceparent).toMatch(/^00-a{32}-(?!b{16})[0-9a-f]{16}-01$/)
    expect(JSON.parse(Buffer.from(metadata['goms-identity'] ?? '', 'base64url').toString())).toEqual({ name: 'bob' })
  })

  it('rejects with the error of the callee as it was', async () => {
    const { call, sent } = open(TWO, ({ events }) => events.fault(FAULT))
    const thrown = await call({}).catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(GomsError)
    expect(thrown).toMatchObject({ code: 'NOT_FOUND', status: 404, message: FAULT.message, data: FAULT.data })
    expect(sent).toHaveLength(1)
  })

  it('withdraws when its time is over, and the node is told', async () => {
    const { call, sent, clock } = open(TWO, () => {}, { options: { timeoutMs: 1000, idempotent: true } })
    const result = call({}, { timeoutMs: 200, retries: 0 })
    const failed = expect(result).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', status: 504 })
    clock.advance(200)
    await failed
    expect(sent[0]?.aborted).toBe(true)
  })

  it('withdraws when its caller gives up', async () => {
    const { call, sent } = open(TWO, () => {})
    const giveUp = new AbortController()
    const result = call({}, { signal: giveUp.signal })
    giveUp.abort()
    await expect(result).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(sent[0]?.aborted).toBe(true)
    await expect(call({}, { signal: giveUp.signal })).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(sent).toHaveLength(1)
  })

  it.each([{ timeoutMs: 0 }, { timeoutMs: Number.NaN }, { retries: 11 }, { retries: 0.5 }])(
    'refuses options that make no sense: %o',
    async (options) => {
      const { call, sent } = open(TWO, reply)
      await expect(call({}, options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
      expect(sent).toHaveLength(0)
    },
  )
})

describe('another attempt', () => {
  it('follows a connection that broke, for idempotent methods only', async () => {
    const breakFirst = (one: Sent, at: number): void =>
      at === 1 ? one.events.error(new Error('ECONNRESET'), 'unanswered') : reply(one)
    const safe = open(TWO, breakFirst, { options: { idempotent: true } })
    await safe.call({})
    expect(safe.sent.map((it) => it.host)).toEqual(['10.0.0.1', '10.0.0.2'])
    expect(metadataOf(safe.sent[1] as Sent)).toMatchObject({ 'goms-attempt': '2', 'goms-target': 'user/id-2' })

    const unsafe = open(TWO, breakFirst)
    await expect(unsafe.call({})).rejects.toMatchObject({ code: 'BAD_GATEWAY', status: 502 })
    expect(unsafe.sent).toHaveLength(1)
  })

  it('has a request and events of its own: what still comes of the first one does not count', async () => {
    const { call, sent } = open(TWO, (one, at) => at === 1 && one.events.error(new Error('ECONNRESET'), 'unanswered'), {
      options: { idempotent: true },
    })
    const result = call({})
    while (sent.length < 2) await Promise.resolve()
    const [first, second] = sent as [Sent, Sent]
    first.events.reply('late')
    second.events.reply('in time')
    expect(await result).toBe('in time')
    expect(metadataOf(first)).toMatchObject({ 'goms-target': 'user/id-1' })
  })

  it('follows a refusal that proves that nothing ran, once', async () => {
    const refused: RpcFault = { ...FAULT, code: 'DRAINING', status: 503, refusal: 'draining' }
    const once = open(TWO, (one, at) => (at === 1 ? one.events.fault(refused) : reply(one)))
    await once.call({})
    expect(once.sent.map((it) => it.host)).toEqual(['10.0.0.1', '10.0.0.2'])

    const always = open(TWO, ({ events }) => events.fault(refused))
    await expect(always.call({})).rejects.toMatchObject({ code: 'DRAINING', status: 503 })
    expect(always.sent).toHaveLength(2)
  })

  it('does not follow what cannot be sent at all, and no node is blamed', async () => {
    const unfit = new GomsError('INVALID_ARGUMENT', 'rpc: a function cannot travel')
    const { call, sent } = open(TWO, ({ events }) => events.error(unfit, 'unsent'))
    await expect(call({})).rejects.toBe(unfit)
    await expect(call({})).rejects.toBe(unfit)
    expect(sent.map((it) => it.host)).toEqual(['10.0.0.1', '10.0.0.2'])
  })
})

describe('the nodes of a call', () => {
  it('are those whose contract has the method', async () => {
    const { call, sent } = open([nodeOf(1, { ...OURS, contract: 'old' }), nodeOf(2, OURS)], reply)
    await call({})
    await call({})
    expect(sent.map((it) => it.host)).toEqual(['10.0.0.2', '10.0.0.2'])
  })

  it('may be named: then no other is tried', async () => {
    const { call, sent } = open(TWO, ({ events }) => events.error(new Error('ECONNREFUSED'), 'unsent'))
    await expect(call({}, { node: 'id-2' })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(new Set(sent.map((it) => it.host))).toEqual(new Set(['10.0.0.2']))
    await expect(call({}, { node: 'id-9' })).rejects.toThrow('there is no node "id-9"')
  })

  it('are found anew when the service changes', async () => {
    const { call, sent, view } = open([nodeOf(1, { ...OURS, contract: 'old' })], reply)
    await expect(call({})).rejects.toMatchObject({ code: 'UNIMPLEMENTED', status: 501 })
    view.set(nodeOf(2, OURS))
    await call({})
    expect(sent.map((it) => it.host)).toEqual(['10.0.0.2'])
  })

  it('that speak HTTP only are called over HTTP where a route is configured, else not at all', async () => {
    const plain = open([nodeOf(1)], reply)
    await expect(plain.call({})).rejects.toThrow('speak HTTP only, and no route is configured')
    const routed = open([nodeOf(1)], reply, { overHttp: (_ref, input) => async () => ({ overHttp: input }) })
    expect(await routed.call({ a: 1 })).toEqual({ overHttp: { a: 1 } })
    expect(routed.sent).toHaveLength(0)
  })

  it('of Go are asked for the capital letter first, and told nothing that only ours understand', async () => {
    const { call, sent } = open([nodeOf(1, GO)], (one, at) =>
      at === 1
        ? one.events.fault({ ...FAULT, code: 'UNKNOWN', message: "rpcx: can't find method Exists", status: undefined })
        : reply(one),
    )
    await call({})
    expect(sent.map((it) => it.request.method)).toEqual(['Exists', 'exists'])
    expect(sent[0]?.request.cancellable).toBe(false)
    const metadata = metadataOf(sent[0] as Sent)
    expect(metadata).toMatchObject({ 'x-b3-traceid': expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(metadata).not.toHaveProperty('goms-target')
  })

  it('that run in this process are called without bytes', async () => {
    const seen: (string | undefined)[] = []
    const handler: RpcHandler = (received, responder) => {
      seen.push(received.origin?.caller)
      responder.reply(received.input(undefined), undefined)
    }
    const { call, sent } = open(TWO, reply, { local: (id) => (id === 'id-1' ? handler : undefined) })
    const input = { username: 'bob' }
    expect(await call(input)).toBe(input)
    expect(seen).toEqual(['order'])
    await call(input)
    expect(sent.map((it) => it.host)).toEqual(['10.0.0.2'])
  })
})

describe('a call straight to a node of this process', () => {
  const direct = (handler: RpcHandler, nodes = TWO) =>
    open(nodes, reply, { direct: true, local: (id) => (id === 'id-1' ? handler : undefined) })

  it('has its answer at once where the handler has it, and leaves no timer', async () => {
    const { call, sent, clock } = direct((received, responder) => responder.reply(received.input(undefined), undefined))
    const input = { username: 'bob' }
    expect(await call(input)).toBe(input)
    clock.advance(60_000)
    expect(sent).toHaveLength(0)
  })

  it('rejects with the error of the handler as it was, at once or later', async () => {
    const atOnce = direct((_received, responder) => responder.fault(FAULT))
    await expect(atOnce.call({})).rejects.toMatchObject({ code: 'NOT_FOUND', status: 404, data: { username: 'eve' } })
    const later = direct((_received, responder) => queueMicrotask(() => responder.fault(FAULT)))
    await expect(later.call({})).rejects.toMatchObject({ code: 'NOT_FOUND', status: 404 })
  })

  it('takes the first of two answers', async () => {
    const { call } = direct((_received, responder) => {
      responder.reply('first', undefined)
      responder.reply('second', undefined)
      responder.fault(FAULT)
    })
    expect(await call({})).toBe('first')
  })

  it('is given up when its time is over, and the handler is told', async () => {
    let aborted = 0
    const { call, clock } = direct((received) => received.onAbort(() => aborted++))
    const result = call({}, { timeoutMs: 200 })
    clock.advance(210)
    await expect(result).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(aborted).toBe(1)
  })

  it('is given up with its caller, also when the handler is the one who says so', async () => {
    let aborted = 0
    const giveUp = new AbortController()
    const { call } = direct((received) => received.onAbort(() => aborted++))
    const result = call({}, { signal: giveUp.signal })
    giveUp.abort()
    await expect(result).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(aborted).toBe(1)

    const own = new AbortController()
    const within = direct((received) => {
      received.onAbort(() => aborted++)
      own.abort()
    })
    await expect(within.call({}, { signal: own.signal })).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(aborted).toBe(2)
  })

  it('stops listening to a signal once it is answered', async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const counted = Object.assign(Object.create(null), {
      aborted: signal.aborted,
      addEventListener: () => listeners++,
      removeEventListener: () => listeners--,
    }) as AbortSignal
    const { call } = direct((_received, responder) => queueMicrotask(() => responder.reply(1, undefined)))
    const result = call({}, { signal: counted })
    expect(listeners).toBe(1)
    await result
    expect(listeners).toBe(0)
  })

  it('goes to another node when this one refuses it', async () => {
    const refused: RpcFault = { ...FAULT, code: 'DRAINING', status: 503, refusal: 'draining' }
    const { call, sent } = direct((_received, responder) => responder.fault(refused))
    expect(await call(7)).toBe(7)
    expect(sent.map((it) => it.host)).toEqual(['10.0.0.2'])
  })
})
