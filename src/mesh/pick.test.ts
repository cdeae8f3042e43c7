import { describe, expect, it } from 'vitest'
import { FAILED, nodeOf, OK, rigOf, ScriptedCarrier, send, UNSENT } from './mesh.fixtures.ts'

const TWO = [nodeOf(1), nodeOf(2)]

describe('limiter and breaker, per node and route', () => {
  it('skips a node whose limiter is full, and answers 429 with Retry-After when all are', async () => {
    const { mesh, call, clock } = rigOf(TWO)
    const policy = { limiter: { calls: 2, perMs: 5000 } }
    const nodes: string[] = []
    for (let i = 0; i < 4; i++) nodes.push(...(await send(mesh, call(policy), new ScriptedCarrier([OK]))).nodes)
    expect(nodes).toEqual(['id-1', 'id-2', 'id-1', 'id-2'])
    clock.advance(2000)
    const { error } = await send(mesh, call(policy), new ScriptedCarrier([OK]))
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', status: 429, retryAfterMs: 3000 })
    const other = await send(mesh, call(policy, { action: 'register' }), new ScriptedCarrier([OK]))
    expect(other.answer).toBe(OK)
    clock.advance(3000)
    expect((await send(mesh, call(policy), new ScriptedCarrier([OK]))).answer).toBe(OK)
  })

  it('opens the breaker after its errors, costs no attempt while open, and lets one probe through', async () => {
    const { mesh, call, clock } = rigOf([nodeOf(1)])
    const policy = { breaker: { calls: 3, perMs: 5000 }, retries: 0 }
    for (let i = 0; i < 3; i++) await send(mesh, call(policy), new ScriptedCarrier([FAILED]))
    const refused = await send(mesh, call(policy), new ScriptedCarrier([OK]))
    expect(refused).toMatchObject({ nodes: [], error: { code: 'UNAVAILABLE', status: 503, retryAfterMs: 5000 } })
    clock.advance(5000)
    const probe = new ScriptedCarrier(['hang'])
    mesh.dispatch(call(policy), probe)
    expect((await send(mesh, call(policy), new ScriptedCarrier([OK]))).nodes).toEqual([])
    const [attempt] = probe.attempts
    if (attempt) probe.report(attempt, OK)
    expect((await send(mesh, call(policy), new ScriptedCarrier([OK]))).answer).toBe(OK)
  })

  it('does not count what the client did wrong', async () => {
    const { mesh, call } = rigOf([nodeOf(1)])
    const policy = { breaker: { calls: 1, perMs: 5000 } }
    await send(mesh, call(policy), new ScriptedCarrier([{ stage: 'answered', status: 404 }]))
    await send(mesh, call(policy), new ScriptedCarrier([{ stage: 'busy', status: 429 }]))
    expect((await send(mesh, call(policy), new ScriptedCarrier([OK]))).answer).toBe(OK)
  })

  it('keeps the state over a change of settings that leaves the rate alone', async () => {
    const { mesh, call } = rigOf([nodeOf(1)])
    await send(mesh, call({ limiter: { calls: 1, perMs: 5000 } }), new ScriptedCarrier([OK]))
    const again = await send(
      mesh,
      call({ limiter: { calls: 1, perMs: 5000 }, timeoutMs: 1 }),
      new ScriptedCarrier([OK]),
    )
    expect(again.error).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  })

  it('limits calls of a route before the pick', async () => {
    const { mesh, call } = rigOf(TWO)
    const policy = { callLimit: { calls: 1, perMs: 1000 } }
    expect((await send(mesh, call(policy), new ScriptedCarrier([OK]))).answer).toBe(OK)
    const refused = await send(mesh, call(policy), new ScriptedCarrier([OK]))
    expect(refused).toMatchObject({ nodes: [], error: { code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1000 } })
  })
})

describe('evidence against a node', () => {
  it('leaves out a node that refused a connection until it accepts one again', async () => {
    let accepts = false
    const { mesh, call, clock } = rigOf(TWO, { probe: async () => accepts })
    await send(mesh, call(), new ScriptedCarrier([UNSENT, OK]))
    for (let i = 0; i < 4; i++) {
      expect((await send(mesh, call(), new ScriptedCarrier([OK]))).nodes).toEqual(['id-2'])
    }
    accepts = true
    clock.advance(2000)
    for (let i = 0; i < 5; i++) await Promise.resolve()
    const nodes = new Set<string>()
    for (let i = 0; i < 60; i++) {
      clock.advance(1000)
      nodes.add((await send(mesh, call(), new ScriptedCarrier([OK]))).nodes[0] ?? '')
    }
    expect([...nodes].sort()).toEqual(['id-1', 'id-2'])
  })

  it('uses a suspected node when it is the only one', async () => {
    const { mesh, call } = rigOf([nodeOf(1)])
    await send(mesh, call({ retries: 0 }), new ScriptedCarrier([UNSENT]))
    expect((await send(mesh, call(), new ScriptedCarrier([OK]))).answer).toBe(OK)
  })

  it('skips a node that says it is leaving, and one whose oldest attempt is overdue', async () => {
    const { mesh, call, clock, view } = rigOf(TWO)
    view.set(nodeOf(1, { draining: true }), nodeOf(2))
    expect((await send(mesh, call(), new ScriptedCarrier([OK]))).nodes).toEqual(['id-2'])
    view.set(nodeOf(1), nodeOf(2))
    const hanging = await send(mesh, call(), new ScriptedCarrier(['hang']))
    clock.advance(51)
    const [slow] = hanging.nodes
    for (let i = 0; i < 3; i++) {
      expect((await send(mesh, call(), new ScriptedCarrier([OK]))).nodes).not.toContain(slow)
    }
  })

  it('does not take an upload that moves for an attempt that is overdue', async () => {
    const { mesh, call, clock } = rigOf([nodeOf(1), nodeOf(2)])
    const upload = await send(mesh, call(), new ScriptedCarrier(['hang']))
    for (let i = 0; i < 10; i++) {
      clock.advance(30)
      upload.attempts[0]?.progress()
    }
    const nodes: string[] = []
    for (let i = 0; i < 4; i++) nodes.push(...(await send(mesh, call(), new ScriptedCarrier([OK]))).nodes)
    expect(nodes).toEqual(['id-2', 'id-1', 'id-2', 'id-1'])
  })

  it('forgets what it knew when a node comes back under another id', async () => {
    const { mesh, call, view } = rigOf([nodeOf(1)])
    const policy = { breaker: { calls: 1, perMs: 5000 }, retries: 0 }
    await send(mesh, call(policy), new ScriptedCarrier([FAILED]))
    expect((await send(mesh, call(policy), new ScriptedCarrier([OK]))).nodes).toEqual([])
    view.set(nodeOf(1, { id: 'id-1b' }))
    expect((await send(mesh, call(policy), new ScriptedCarrier([OK]))).nodes).toEqual(['id-1b'])
  })
})

describe('a node that joins', () => {
  async function turnsAfterJoin(callsBefore: number): Promise<number> {
    const { mesh, call, view } = rigOf(TWO)
    for (let i = 0; i < callsBefore; i++) await send(mesh, call(), new ScriptedCarrier([OK]))
    view.set(...TWO, nodeOf(3))
    let turns = 0
    for (let i = 0; i < 30; i++) {
      if ((await send(mesh, call(), new ScriptedCarrier([OK]))).nodes[0] === 'id-3') turns++
    }
    return turns
  }

  it('has its full turn at once while there is little to do', async () => {
    expect(await turnsAfterJoin(3)).toBe(10)
  })

  it('starts slowly under load', async () => {
    expect(await turnsAfterJoin(100)).toBeLessThan(5)
  })
})
