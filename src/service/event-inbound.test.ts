import { describe, expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { event } from '../contract/event.ts'
import { manualClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Broker, Delivery, HandleDelivery, SubscriptionOptions } from '../events/broker.ts'
import { createEventInbound } from './event-inbound.ts'
import { service } from './service.ts'

const Order = contract('order', { events: { submitted: event<{ n: number }>(), paid: event<number>() } })

type Handler = (payload: { n: number }) => void | Promise<void>

/** An inbound at a broker that delivers what the test says. */
async function rig(submitted: Handler) {
  const clock = manualClock()
  const lines: string[] = []
  const say = (line: string): void => void lines.push(line)
  const log: Log = { debug: say, info: say, warn: say, error: say }
  let handle: HandleDelivery = () => ({ kind: 'handled' })
  let asked: SubscriptionOptions | undefined
  const broker: Pick<Broker, 'subscribe'> = {
    async subscribe(options, given) {
      asked = options
      handle = given
      return { drain: async () => {}, close: async () => {} }
    },
  }
  const definition = service('mail', {
    uses: { order: Order },
    on: { order: { submitted, paid: () => {} } },
    events: { concurrency: 3, retryWaitsMs: [10, 20], timeoutMs: 1000 },
  })
  const inbound = createEventInbound({
    ...{ definition, broker: broker as Broker, log, clock },
    clients: () => ({}),
    emit: async () => {},
  })
  await inbound.start()
  const deliver = (given: Partial<Delivery> = {}) =>
    handle({
      ...{ id: 'a', name: 'order.submitted', from: 'order', delivery: 1, emittedAtMs: 0, expiresAtMs: undefined },
      header: () => undefined,
      payload: () => ({ n: 1 }),
      ...given,
    })
  return { clock, lines, inbound, deliver, asked: () => asked }
}

const HANDLED = { kind: 'handled' }

describe('events at a service', () => {
  it('are asked for by name, as many at a time as it says', async () => {
    const { asked } = await rig(() => {})
    const names = ['order.submitted', 'order.paid']
    expect(asked()).toEqual({ service: 'mail', names, concurrency: 3, retryWaitsMs: [10, 20] })
  })

  it('are handled at once by handlers that take no time, and else when those are through', async () => {
    let finish = (): void => {}
    const slow = new Promise<void>((resolve) => {
      finish = resolve
    })
    const { deliver, inbound } = await rig(({ n }) => (n === 1 ? undefined : slow))
    expect(deliver()).toEqual(HANDLED)
    const verdict = deliver({ payload: () => ({ n: 2 }) })
    expect(inbound.inFlight()).toBe(1)
    finish()
    expect(await verdict).toEqual(HANDLED)
    expect(inbound.inFlight()).toBe(0)
  })

  it('come again after growing waits, and are dead in the end', async () => {
    const { deliver } = await rig(() => {
      throw new Error('away')
    })
    const reason = 'Error: away'
    expect(deliver()).toEqual({ kind: 'again', afterMs: 10, reason })
    expect(deliver({ delivery: 2 })).toEqual({ kind: 'again', afterMs: 20, reason })
    expect(deliver({ delivery: 3 })).toEqual({ kind: 'dead', reason })
  })

  it('that took their processes along too often are not begun once more', async () => {
    let runs = 0
    const { deliver } = await rig(() => void runs++)
    const reason = 'its handlers, or their processes, ended 3 times without a word'
    expect(deliver({ delivery: 4 })).toEqual({ kind: 'dead', reason })
    expect(runs).toBe(0)
  })

  it('that are no JSON, or of another shape, are dead at once', async () => {
    const { deliver } = await rig(() => {
      throw new GomsError('INVALID_ARGUMENT', 'n is missing')
    })
    expect(deliver()).toEqual({ kind: 'dead', reason: 'INVALID_ARGUMENT: n is missing' })
    expect(deliver({ payload: () => JSON.parse('{') })).toMatchObject({
      kind: 'dead',
      reason: expect.stringMatching(/^INVALID_ARGUMENT: event order\.submitted: it is no JSON: SyntaxError/),
    })
  })

  it('that only another version knows are left to it for a while', async () => {
    const { deliver } = await rig(() => {})
    expect(deliver({ name: 'order.sent' })).toEqual({
      ...{ kind: 'again', afterMs: 10 },
      reason: 'UNIMPLEMENTED: mail: this node has no handler for "order.sent"',
    })
  })

  it('that have expired are done with', async () => {
    let runs = 0
    const { deliver, clock, lines } = await rig(() => void runs++)
    expect(deliver({ expiresAtMs: clock.wallMs() - 1 })).toEqual(HANDLED)
    expect(runs).toBe(0)
    expect(lines).toEqual(['event order.submitted: it expired before it was handled'])
    expect(deliver({ expiresAtMs: clock.wallMs() + 1 })).toEqual(HANDLED)
    expect(runs).toBe(1)
  })

  it('whose handler takes too long come again', async () => {
    const { deliver, clock, inbound } = await rig(() => new Promise<void>(() => {}))
    const verdict = deliver()
    clock.advance(1001)
    const reason = 'DEADLINE_EXCEEDED: its handler took over 1000 ms'
    expect(await verdict).toEqual({ kind: 'again', afterMs: 10, reason })
    expect(inbound.inFlight()).toBe(0)
  })
})

it('options are checked when they are written', () => {
  const make = (events: object) => () => service('mail', { uses: { order: Order }, on: { order: {} }, events })
  expect(make({ concurrency: 0 })).toThrow(/expected `events.concurrency` to be an integer from 1 to 10000, got `0`/)
  expect(make({ retryWaitsMs: [0] })).toThrow(/`events.retryWaitsMs` to be at most 20 integers/)
  expect(make({ timeoutMs: 0.5 })).toThrow(/`events.timeoutMs`/)
  const on = { order: { submitted: 'no function' as never } }
  expect(() => service('mail', { uses: { order: Order }, on })).toThrow(/`on.order.submitted` is no function/)
})
