import * as v from 'valibot'
import { afterEach, describe, expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { event } from '../contract/event.ts'
import type { EventInfo } from '../contract/handler.ts'
import { rpc } from '../contract/method.ts'
import { GomsError } from '../core/errors.ts'
import { emitter } from '../events/emit.ts'
import { once } from '../events/once.ts'
import { service } from '../service/service.ts'
import { type TestMesh, type TestMeshOptions, testMesh } from './test-mesh.ts'

const Order = contract('order', {
  rpc: { submit: rpc<{ username: string }, { orderId: string }>() },
  events: {
    submitted: event<{ orderId: string; username: string }>(),
    paid: event(v.object({ cents: v.pipe(v.number(), v.minValue(1)), at: v.pipe(v.string(), v.transform(Number)) })),
  },
})

const order = service(Order, {
  rpc: {
    async submit({ username }, { emit }) {
      await emit('submitted', { orderId: '1', username })
      return { orderId: '1' }
    },
  },
  http: async (_req, res) => {
    await emitter(Order)('submitted', { orderId: '2', username: 'web' })
    res.end('{}')
  },
})

let mesh: TestMesh
afterEach(() => mesh.close())

async function open(options: TestMeshOptions): Promise<TestMesh> {
  mesh = await testMesh(options)
  return mesh
}

interface Got {
  readonly payload: unknown
  readonly event: EventInfo
  readonly caller: string | undefined
  readonly traceId: string
}

/** A service that keeps what it is told. */
function listening(name: string, handle: (event: EventInfo) => void = () => {}, waits: readonly number[] = [10, 20]) {
  const got: Got[] = []
  const keep = (payload: unknown, context: Omit<Got, 'payload'>): void => {
    got.push({ payload, event: context.event, caller: context.caller, traceId: context.traceId })
    handle(context.event)
  }
  const made = service(name, {
    uses: { order: Order },
    on: { order: { submitted: keep, paid: keep } },
    events: { retryWaitsMs: waits },
  })
  return { got, service: made }
}

async function until(holds: () => boolean): Promise<void> {
  const endMs = Date.now() + 5000
  while (!holds()) {
    if (Date.now() > endMs) throw new Error('it did not come to that within 5 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('events in a mesh', () => {
  it('reach every service that asked for them, once, within the trace of the call', async () => {
    const [mail, stats] = [listening('mail'), listening('stats')]
    const { client, spans } = await open({
      services: [order, mail.service, mail.service, stats.service],
      traces: true,
    })
    await client(Order).submit({ username: 'bob' })
    await until(() => mail.got.length === 1 && stats.got.length === 1)
    expect(mail.got[0]).toMatchObject({
      payload: { orderId: '1', username: 'bob' },
      caller: 'order',
      event: { name: 'order.submitted', delivery: 1 },
    })
    expect(mail.got[0]?.event.id).toBe(stats.got[0]?.event.id)
    await until(() => spans.filter(({ kind }) => kind === 'CONSUMER').length === 2)
    const emitted = spans.find(({ kind }) => kind === 'PRODUCER')
    expect(emitted).toMatchObject({ name: 'emit order.submitted', service: 'order' })
    for (const span of spans.filter(({ kind }) => kind === 'CONSUMER')) {
      expect(span.trace.parentId).toBe(emitted?.trace.spanId)
      expect(span).toMatchObject({ name: 'order.submitted', tags: { 'goms.delivery': '1' } })
    }
  })

  it('are emitted by web applications too', async () => {
    const mail = listening('mail')
    const { fetch } = await open({
      services: [order, mail.service],
      settings: { services: { order: { web: '/submit' } } },
    })
    expect((await fetch('/api/order/web')).status).toBe(200)
    await until(() => mail.got.length === 1)
    expect(mail.got[0]).toMatchObject({ payload: { orderId: '2', username: 'web' }, caller: 'order' })
  })

  it('come again after a handler that threw, and are dead after the last', async () => {
    const mail = listening('mail', () => {
      throw new Error('the mail server is away')
    })
    const said: string[] = []
    const log = {
      debug() {},
      info() {},
      warn: (line: string) => said.push(line),
      error: (line: string) => said.push(line),
    }
    const { client } = await open({ services: [order, mail.service], log })
    await client(Order).submit({ username: 'bob' })
    await until(() => said.length === 3)
    expect(mail.got.map(({ event }) => event.delivery)).toEqual([1, 2, 3])
    expect(said).toEqual([
      'event order.submitted failed (delivery 1 of 3), again in 10 ms: Error: the mail server is away',
      'event order.submitted failed (delivery 2 of 3), again in 20 ms: Error: the mail server is away',
      'event order.submitted failed (delivery 3 of 3), it is among the dead letters: Error: the mail server is away',
    ])
  })

  it('are checked by their schema where they are emitted, and read by it where they arrive', async () => {
    const mail = listening('mail')
    await open({ services: [order, mail.service] })
    const emit = emitter(Order)
    await expect(emit('paid', { cents: 0, at: '1' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^event order\.paid: payload\.cents: /),
    })
    // @ts-expect-error no such event
    await expect(emit('gone', {})).rejects.toThrow('the contract "order" has no event "gone" (submitted, paid)')
    await expect(emit('paid', { cents: 1, at: '1' }, { id: 'a b' })).rejects.toThrow(/expected `id`.*got `a b`/)
    await expect(emit('submitted', { orderId: 'x'.repeat(2 ** 20), username: '' })).rejects.toThrow(/1048576 bytes/)
    await emit('paid', { cents: 5, at: '1700000000' }, { id: 'order-1' })
    await until(() => mail.got.length === 1)
    expect(mail.got[0]).toMatchObject({ payload: { cents: 5, at: 1_700_000_000 }, event: { id: 'order-1' } })
  })

  it('that have expired are not handled any more', async () => {
    let fail = true
    const mail = listening('mail', () => {
      if (fail) throw new Error('not yet')
    })
    await open({ services: [order, mail.service] })
    await emitter(Order)('submitted', { orderId: '1', username: 'bob' }, { expiresInMs: 5 })
    await emitter(Order)('submitted', { orderId: '2', username: 'bob' })
    await until(() => mail.got.length >= 2)
    fail = false
    await until(() => mail.got.length === 3)
    expect(mail.got.filter(({ payload }) => (payload as { orderId: string }).orderId === '1').length).toBeLessThan(2)
  })

  it('are handled once by handlers that say so', async () => {
    let handled = 0
    let fail = true
    const mail = service('mail', {
      uses: { order: Order },
      events: { retryWaitsMs: [10] },
      on: {
        order: {
          async submitted(_order, { event }) {
            await once(event, () => {
              handled++
              if (!fail) return
              fail = false
              throw new Error('not yet')
            })
          },
        },
      },
    })
    await open({ services: [order, mail] })
    const emit = emitter(Order)
    await emit('submitted', { orderId: '1', username: 'bob' }, { id: 'order-1' })
    await until(() => handled === 2)
    await emit('submitted', { orderId: '1', username: 'bob' }, { id: 'order-1' })
    await emit('submitted', { orderId: '2', username: 'bob' }, { id: 'order-2' })
    await until(() => handled === 3)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(handled).toBe(3)
  })

  it('whose handlers hang come again, and their signal is aborted', async () => {
    const signals: AbortSignal[] = []
    const mail = service('mail', {
      uses: { order: Order },
      events: { retryWaitsMs: [10], timeoutMs: 50 },
      on: {
        order: {
          async submitted(_order, { signal }) {
            signals.push(signal)
            if (signals.length === 1) await new Promise(() => {})
          },
        },
      },
    })
    await open({ services: [order, mail] })
    await emitter(Order)('submitted', { orderId: '1', username: 'bob' })
    await until(() => signals.length === 2)
    expect(signals[0]?.aborted).toBe(true)
    expect(signals[0]?.reason).toBeInstanceOf(GomsError)
  })
})
