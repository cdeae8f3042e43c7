/** Differential fuzzing of requests: what our parser accepts, llhttp accepts, and finds the same messages in it. */
import { expect, test } from 'vitest'
import { difference } from './difference.ts'
import { NodeRequests, type Stream } from './llhttp.ts'
import { cutsOf, requestStream } from './messages.ts'
import { OwnRequests, type Reading } from './own-reader.ts'
import { BATCH, createChance, fuzzMs, fuzzSeed, ODDITIES } from './random.ts'

test('requests that are accepted are read alike by llhttp', { timeout: fuzzMs() + 30_000 }, async () => {
  const seed = fuzzSeed()
  const chance = createChance(seed)
  const node = new NodeRequests()
  const until = performance.now() + fuzzMs()
  let streams = 0
  let accepted = 0
  while (performance.now() < until) {
    const batch: Stream[] = []
    for (let i = 0; i < BATCH; i++) {
      const bytes = requestStream(chance, chance.pick(ODDITIES))
      batch.push({ bytes, cuts: cutsOf(bytes.length, chance) })
    }
    const theirs = await node.read(batch)
    for (const [i, { bytes, cuts }] of batch.entries()) {
      const own = new OwnRequests().read(bytes, cuts)
      const whole = new OwnRequests().read(bytes, [bytes.length])
      streams++
      accepted += own.messages.filter((it) => it.complete).length
      const found = difference(own, whole, theirs[i] as Reading)
      if (found) expect.fail(`seed ${seed}: ${found}\n${JSON.stringify({ bytes: bytes.toString('latin1'), cuts })}`)
    }
  }
  console.info(`seed ${seed}: ${streams} streams, ${accepted} requests accepted`)
  // A generator of nonsense would prove nothing.
  expect(accepted).toBeGreaterThan(streams / 5)
})
