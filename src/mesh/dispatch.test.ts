import { describe, expect, it } from 'vitest'
import { GomsError } from '../core/errors.ts'
import {
  BUSY,
  DRAINING,
  FAILED,
  nodeOf,
  OK,
  rigOf,
  ScriptedCarrier,
  send,
  UNANSWERED,
  UNSENT,
} from './mesh.fixtures.ts'

const THREE = [nodeOf(1), nodeOf(2), nodeOf(3)]

describe('a call', () => {
  it('goes round the nodes and shows which one is next', async () => {
    const { mesh, call } = rigOf(THREE)
    const seen: string[] = []
    for (let i = 0; i < 4; i++) seen.push(...(await send(mesh, call(), new ScriptedCarrier([OK]))).nodes)
    expect(seen).toEqual(['id-1', 'id-2', 'id-3', 'id-1'])
    expect(mesh.stats('user')).toEqual({ pollNext: 1, requestFinish: 4 })
  })

  it('is refused as UNAVAILABLE when no node is registered', async () => {
    const { mesh, call } = rigOf([])
    const { error, nodes } = await send(mesh, call(), new ScriptedCarrier([OK]))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', status: 503 })
    expect(nodes).toEqual([])
  })

  it('goes to nodes that offer it only', async () => {
    const { mesh, call } = rigOf(THREE)
    const carrier = await send(mesh, call({}, { offers: (node) => node.id === 'id-3' }), new ScriptedCarrier([OK]))
    expect(carrier.nodes).toEqual(['id-3'])
  })

  it('hands the answer of the application on, errors included', async () => {
    const { mesh, call } = rigOf(THREE)
    const carrier = await send(mesh, call(), new ScriptedCarrier([FAILED]))
    expect(carrier).toMatchObject({ answer: FAILED, nodes: ['id-1'] })
  })
})

describe('what is tried again', () => {
  it('is a call that never left, whatever its method, on another node', async () => {
    const { mesh, call } = rigOf(THREE)
    const carrier = await send(mesh, call({}, { idempotent: false }), new ScriptedCarrier([UNSENT, OK]))
    expect(carrier).toMatchObject({ nodes: ['id-1', 'id-2'], answer: OK })
    expect(carrier.attempts.map((a) => a.number)).toEqual([1, 2])
  })

  it('is answered OVERLOADED, with its time, where only our own connections are short', async () => {
    const { mesh, call } = rigOf([nodeOf(1)])
    const cause = new GomsError('OVERLOADED', 'all 256 connections are in use', { retryAfterMs: 1000 })
    const carrier = await send(mesh, call({ retries: 0 }), new ScriptedCarrier([{ ...UNSENT, cause }]))
    expect(carrier.error).toMatchObject({ code: 'OVERLOADED', status: 503, retryAfterMs: 1000 })
  })

  it('is a call that a leaving node refused, and PollNext counts first attempts only', async () => {
    const { mesh, call } = rigOf(THREE)
    const carrier = await send(mesh, call({}, { idempotent: false }), new ScriptedCarrier([DRAINING, OK]))
    expect(carrier).toMatchObject({ nodes: ['id-1', 'id-2'], answer: OK })
    expect(mesh.stats('user').pollNext).toBe(1)
  })

  it('is never a call that may have run and is not idempotent', async () => {
    const { mesh, call } = rigOf(THREE)
    const carrier = await send(mesh, call({}, { idempotent: false }), new ScriptedCarrier([UNANSWERED, OK]))
    expect(carrier.nodes).toEqual(['id-1'])
    expect(carrier.error).toMatchObject({ code: 'BAD_GATEWAY', status: 502 })
  })

  it('is an idempotent call without an answer', async () => {
    const { mesh, call } = rigOf(THREE)
    const carrier = await send(mesh, call(), new ScriptedCarrier([UNANSWERED, OK]))
    expect(carrier).toMatchObject({ nodes: ['id-1', 'id-2'], answer: OK })
  })

  it('is not a call whose body is gone', async () => {
    const { mesh, call } = rigOf(THREE)
    const carrier = await send(mesh, call(), new ScriptedCarrier([UNANSWERED, OK], { repeatable: false }))
    expect(carrier.nodes).toEqual(['id-1'])
  })

  it('is nothing below a call that is a retry itself', async () => {
    const { mesh, call } = rigOf(THREE)
    const carrier = await send(mesh, call({}, { hopAttempt: 2 }), new ScriptedCarrier([UNSENT, OK]))
    expect(carrier).toMatchObject({ nodes: ['id-1'], error: { code: 'UNAVAILABLE' } })
  })

  it('is not a 503 without proof, which is handed on, unless the route says so', async () => {
    const { mesh, call, clock } = rigOf(THREE)
    expect(await send(mesh, call(), new ScriptedCarrier([BUSY, OK]))).toMatchObject({ nodes: ['id-1'], answer: BUSY })
    const carrier = await send(mesh, call({ retryBusy: true }), new ScriptedCarrier([BUSY, OK]))
    expect(carrier.nodes).toHaveLength(1)
    clock.advance(1000)
    expect(carrier).toMatchObject({ answer: OK })
  })

  it('is bounded by the number of retries', async () => {
    const { mesh, call } = rigOf(THREE)
    const carrier = await send(mesh, call({ retries: 0 }), new ScriptedCarrier([UNSENT, OK]))
    expect(carrier.nodes).toHaveLength(1)
  })

  it('waits as callRetry says', async () => {
    const { mesh, call, clock } = rigOf(THREE)
    const carrier = await send(mesh, call({ retries: 2, retryWaitsMs: [100, 200] }), new ScriptedCarrier([UNSENT]))
    expect(carrier.nodes).toHaveLength(1)
    clock.advance(100)
    expect(carrier.nodes).toHaveLength(2)
    clock.advance(199)
    expect(carrier.nodes).toHaveLength(2)
    clock.advance(1)
    expect(carrier.nodes).toEqual(['id-1', 'id-2', 'id-3'])
  })

  it('is paid from the budget, so that a failing service is not flooded', async () => {
    const { mesh, call } = rigOf(THREE)
    let attempts = 0
    for (let i = 0; i < 200; i++) attempts += (await send(mesh, call(), new ScriptedCarrier([UNANSWERED]))).nodes.length
    // 3 a second for 10 s and a tenth of 200.
    expect(attempts).toBe(200 + 30 + 20)
  })
})

describe('time', () => {
  it('gives an attempt half of what is left where the call may be repeated', async () => {
    const { mesh, call, clock } = rigOf(THREE)
    const carrier = await send(mesh, call({ timeoutMs: 1000 }), new ScriptedCarrier(['hang', 'hang']))
    clock.advance(500)
    for (let i = 0; i < 5; i++) await Promise.resolve()
    expect(carrier).toMatchObject({ nodes: ['id-1', 'id-2'], broken: ['timeout'] })
    clock.advance(500)
    expect(carrier).toMatchObject({ broken: ['timeout', 'timeout'], error: { code: 'DEADLINE_EXCEEDED', status: 504 } })
  })

  it('gives a call that may not be repeated all of it, and never tries it twice', async () => {
    const { mesh, call, clock } = rigOf(THREE)
    const carrier = await send(mesh, call({ timeoutMs: 1000 }, { idempotent: false }), new ScriptedCarrier(['hang']))
    clock.advance(999)
    expect(carrier.broken).toEqual([])
    clock.advance(1)
    expect(carrier).toMatchObject({ nodes: ['id-1'], broken: ['timeout'], error: { code: 'DEADLINE_EXCEEDED' } })
  })

  it('ignores an answer that comes after the call is over', async () => {
    const { mesh, call, clock } = rigOf(THREE)
    const carrier = await send(mesh, call({ timeoutMs: 100, retries: 0 }), new ScriptedCarrier(['hang']))
    clock.advance(100)
    expect(carrier.attempts[0]?.head(OK)).toBe(false)
    expect(carrier.answer).toBeUndefined()
  })

  it('grows with a deadline that moves, as an upload makes it do', async () => {
    const { mesh, call, clock } = rigOf(THREE)
    let until = clock.now() + 100
    const deadline = { leftMs: () => until - clock.now() }
    const carrier = await send(mesh, call({ retries: 0 }, { deadline }), new ScriptedCarrier(['hang']))
    clock.advance(60)
    until += 100
    clock.advance(60)
    expect(carrier.error).toBeUndefined()
    clock.advance(80)
    expect(carrier.error).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  })
})

describe('a caller that goes away', () => {
  it('breaks the attempt off and costs the node nothing', async () => {
    const { mesh, call } = rigOf([nodeOf(1)])
    for (let i = 0; i < 20; i++) {
      const carrier = new ScriptedCarrier(['hang'])
      const dispatched = mesh.dispatch(call({ breaker: { calls: 1, perMs: 5000 } }), carrier)
      dispatched.cancel()
      expect(carrier).toMatchObject({ broken: ['cancelled'], error: undefined })
    }
    const carrier = await send(mesh, call({ breaker: { calls: 1, perMs: 5000 } }), new ScriptedCarrier([OK]))
    expect(carrier.answer).toBe(OK)
  })
})
