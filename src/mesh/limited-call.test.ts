import { describe, expect, it } from 'vitest'
import type { ObserveOutbound } from '../core/observe.ts'
import type { SharedRate } from '../core/options.ts'
import type { Asking, SharedLimits } from '../resilience/shared-limits.ts'
import { nodeOf, OK, rigOf, ScriptedCarrier, send, UNSENT } from './mesh.fixtures.ts'
import type { MeshOptions } from './mesh.ts'

const LIMIT: SharedRate = { calls: 1, perMs: 1000, shared: true, onError: 'open', timeoutMs: 50 }
const CLOSED: SharedRate = { ...LIMIT, onError: 'closed' }

/** Somebody who counts, and says what he is told to say. */
function counting(waitMs = 50) {
  const asked: Asking[] = []
  const missed: string[] = []
  const told: string[] = []
  const sharedLimits: SharedLimits = {
    ask(_service, _action, _limit, asking) {
      if (waitMs > 0) asked.push(asking)
      return waitMs
    },
    missed: (service, action, { onError }, late) => void missed.push(`${service}/${action} ${onError} ${late}`),
  }
  const observe: ObserveOutbound = () => ({
    attempt: (_call, _attempt, outcome) => void told.push(`attempt ${outcome.stage}`),
    call: (_call, attempts, outcome, error) => void told.push(`call ${attempts} ${outcome?.stage ?? error?.code}`),
    local() {},
  })
  const rig = (options: Partial<MeshOptions> = {}) =>
    rigOf([nodeOf(1), nodeOf(2)], { sharedLimits, observe, ...options })
  return { asked, missed, told, rig }
}

/** A clock whose timers fire when it has jumped, as those of an event loop do that was busy. */
function jumping() {
  let timers: { readonly at: number; readonly fn: () => void }[] = []
  let now = 1000
  return {
    clock: {
      now: () => now,
      wallMs: () => now,
      after(delayMs: number, fn: () => void) {
        const timer = { at: now + delayMs, fn }
        timers.push(timer)
        return {
          cancel() {
            timers = timers.filter((one) => one !== timer)
          },
        }
      },
    },
    jump(ms: number) {
      now += ms
      const due = timers.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)
      timers = timers.filter(({ at }) => at > now)
      for (const { fn } of due) fn()
    },
  }
}

describe('a call of a route whose limit the project shares', () => {
  it('waits for the word of who counts, and goes on', async () => {
    const { asked, told, rig } = counting()
    const { mesh, call } = rig()
    const carrier = await send(mesh, call({ sharedLimiter: LIMIT }), new ScriptedCarrier([OK]))
    expect([carrier.nodes, asked.length]).toEqual([[], 1])
    asked[0]?.answered(0)
    expect(carrier).toMatchObject({ nodes: ['id-1'], answer: OK })
    expect(told).toEqual(['attempt answered', 'call 1 answered'])
  })

  it('is refused with 429 before anything is spent, and is told of as any other', async () => {
    const { asked, told, rig } = counting()
    const use = [() => Promise.reject(new Error('nothing comes here'))]
    const { mesh, call, clock } = rig({ use })
    const carrier = await send(mesh, call({ sharedLimiter: LIMIT }), new ScriptedCarrier([OK]))
    asked[0]?.answered(250)
    expect(carrier).toMatchObject({
      nodes: [],
      error: {
        ...{ code: 'RESOURCE_EXHAUSTED', status: 429, retryAfterMs: 250, data: { reason: 'limiter' } },
        message: "user/login: the project's limit of 1 calls in 1000 ms is used up",
      },
    })
    // What comes later says nothing any more.
    asked[0]?.failed()
    clock.advance(100)
    expect(told).toEqual(['call 0 RESOURCE_EXHAUSTED'])
  })

  it('asks once, however often it is tried', async () => {
    const { asked, rig } = counting()
    const { mesh, call } = rig()
    const carrier = await send(mesh, call({ sharedLimiter: LIMIT }), new ScriptedCarrier([UNSENT, OK]))
    asked[0]?.answered(0)
    for (let i = 0; i < 20; i++) await Promise.resolve()
    expect(carrier).toMatchObject({ nodes: ['id-1', 'id-2'], answer: OK })
    expect(asked).toHaveLength(1)
  })

  it('is not asked for where a limit that costs nothing is used up', async () => {
    const { asked, rig } = counting()
    const { mesh, call } = rig()
    const policy = { sharedLimiter: LIMIT, callLimit: { calls: 1, perMs: 1000 } }
    await send(mesh, call(policy), new ScriptedCarrier([OK]))
    const refused = await send(mesh, call(policy), new ScriptedCarrier([OK]))
    expect(refused.error).toMatchObject({ data: { reason: 'callLimit' } })
    expect(asked).toHaveLength(1)
  })

  it.each([
    ['goes on', LIMIT, { nodes: ['id-1'], answer: OK, error: undefined }],
    [
      'is refused with 503',
      CLOSED,
      { nodes: [], error: { code: 'UNAVAILABLE', status: 503, data: { reason: 'limiter' } } },
    ],
  ])('%s at once where nobody can be asked, as the route says', async (_, limit, expected) => {
    const { missed, rig } = counting(0)
    const { mesh, call } = rig()
    const carrier = new ScriptedCarrier([OK])
    mesh.dispatch(call({ sharedLimiter: limit }), carrier)
    expect(carrier).toMatchObject(expected)
    expect(missed).toEqual([`user/login ${limit.onError} false`])
  })

  it.each([
    ['goes on', LIMIT, { nodes: ['id-1'], answer: OK }],
    ['is refused', CLOSED, { nodes: [], error: { code: 'UNAVAILABLE' } }],
  ])('%s without an answer in time', async (_, limit, expected) => {
    const { asked, missed, rig } = counting()
    const { mesh, call, clock } = rig()
    const carrier = await send(mesh, call({ sharedLimiter: limit }), new ScriptedCarrier([OK]))
    clock.advance(49)
    expect(missed).toEqual([])
    clock.advance(11)
    expect(carrier).toMatchObject(expected)
    expect(missed).toEqual([`user/login ${limit.onError} true`])
    asked[0]?.answered(100)
    expect(carrier.error?.code).not.toBe('RESOURCE_EXHAUSTED')
  })

  it('goes on when its question was lost', async () => {
    const { asked, missed, rig } = counting()
    const { mesh, call } = rig()
    const carrier = await send(mesh, call({ sharedLimiter: LIMIT }), new ScriptedCarrier([OK]))
    asked[0]?.failed()
    expect(carrier.answer).toBe(OK)
    expect(missed).toEqual(['user/login open false'])
  })

  it('does not take a stall of this process for an answer that is late', async () => {
    const { asked, missed, rig } = counting()
    const { clock, jump } = jumping()
    const { mesh, call } = rig({ clock })
    const deadline = { leftMs: () => 10_000 }
    const carrier = await send(mesh, call({ sharedLimiter: LIMIT }, { deadline }), new ScriptedCarrier([OK]))
    jump(10)
    jump(400)
    expect([missed, carrier.nodes]).toEqual([[], []])
    asked[0]?.answered(0)
    expect(carrier.answer).toBe(OK)
  })

  it('ends with its own deadline', async () => {
    const { missed, rig } = counting()
    const { mesh, call, clock } = rig()
    const carrier = await send(mesh, call({ sharedLimiter: CLOSED, timeoutMs: 20 }), new ScriptedCarrier([OK]))
    clock.advance(21)
    expect(carrier).toMatchObject({ nodes: [], error: { code: 'DEADLINE_EXCEEDED' } })
    expect(missed).toEqual([])
  })

  it('may be given up, before and after the answer', async () => {
    const { asked, told, rig } = counting()
    const { mesh, call } = rig()
    const carrier = new ScriptedCarrier(['hang'])
    const [waiting, going] = [1, 2].map(() => mesh.dispatch(call({ sharedLimiter: LIMIT }), carrier))
    waiting?.cancel()
    asked[0]?.answered(0)
    expect([carrier.nodes, told]).toEqual([[], ['call 0 cancelled']])
    asked[1]?.answered(0)
    going?.cancel()
    expect([carrier.nodes, carrier.broken]).toEqual([['id-1'], ['cancelled']])
    expect(told.slice(1)).toEqual(['attempt cancelled', 'call 1 cancelled'])
  })
})

it('other calls wait for nobody', () => {
  const { asked, rig } = counting()
  const { mesh, call } = rig()
  const carrier = new ScriptedCarrier([OK])
  mesh.dispatch(call(), carrier)
  expect([carrier.answer, asked.length]).toEqual([OK, 0])
})

it('a mesh of its own counts for itself', async () => {
  const { mesh, call, clock } = rigOf([nodeOf(1)])
  const policy = { sharedLimiter: { ...LIMIT, calls: 2 } }
  const answers = async () => [
    await send(mesh, call(policy), new ScriptedCarrier([OK])),
    await send(mesh, call(policy), new ScriptedCarrier([OK])),
  ]
  expect((await answers()).map((it) => it.answer)).toEqual([OK, OK])
  const third = await send(mesh, call(policy), new ScriptedCarrier([OK]))
  expect(third.error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1000 })
  clock.advance(1000)
  expect((await answers()).map((it) => it.answer)).toEqual([OK, OK])
})
