/** A mesh that is one of several beside each other: its share of limits, and what they tell each other. */
import { expect, test } from 'vitest'
import { nodeOf, OK, rigOf, ScriptedCarrier, UNANSWERED, UNSENT } from './mesh.fixtures.ts'

const share = { index: 1, of: 3 }

test('a route limit and a limit per node let their share through', () => {
  const { mesh, call } = rigOf([nodeOf(1)], { share })
  const answered = (policy: object, action: string): number => {
    let count = 0
    for (let n = 0; n < 10; n++) {
      const carrier = new ScriptedCarrier([OK])
      mesh.dispatch(call({ retries: 0, ...policy }, { action }), carrier)
      if (carrier.answer !== undefined) count++
    }
    return count
  }
  // Of 8 calls the first two workers get 3 and the last one 2.
  expect(answered({ callLimit: { calls: 8, perMs: 5000 } }, 'a')).toBe(3)
  expect(answered({ limiter: { calls: 8, perMs: 5000 } }, 'b')).toBe(3)
})

test('the free part of the retry budget is divided', async () => {
  const { mesh, call } = rigOf([nodeOf(1), nodeOf(2)], { share })
  const carriers = Array.from({ length: 40 }, () => new ScriptedCarrier([UNANSWERED, OK]))
  for (const carrier of carriers) mesh.dispatch(call({ retries: 1 }), carrier)
  await Promise.resolve()
  const retried = carriers.filter((carrier) => carrier.attempts.length > 1).length
  // 3 a second for 10 s, of which a third; and a tenth of 40 first attempts.
  expect(retried).toBe(10 + 4)
})

test('first hard evidence is told once; what others tell is believed and not told again', () => {
  const told: string[] = []
  const { mesh, call } = rigOf([nodeOf(1), nodeOf(2), nodeOf(3)], {
    onHardEvidence: (node, transport) => told.push(`${node} ${transport}`),
  })
  mesh.hardEvidence('id-1', 'http')
  expect(told).toEqual([])
  const carrier = new ScriptedCarrier([UNSENT])
  mesh.dispatch(call({ retries: 0 }), carrier)
  expect(carrier.nodes).toEqual(['id-2'])
  expect(told).toEqual(['id-2 http'])
  const next = new ScriptedCarrier([OK])
  for (let n = 0; n < 4; n++) mesh.dispatch(call(), next)
  expect(next.nodes).toEqual(['id-3', 'id-3', 'id-3', 'id-3'])
})
