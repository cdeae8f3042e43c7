/** Differential fuzzing of answers: what our parser accepts, llhttp accepts, and finds the same body in it. */
import { expect, test } from 'vitest'
import { difference } from './difference.ts'
import { NodeAnswers, type Stream } from './llhttp.ts'
import { answerStream, cutsOf } from './messages.ts'
import { OwnAnswers, type Reading } from './own-reader.ts'
import { BATCH, createChance, fuzzMs, fuzzSeed, ODDITIES } from './random.ts'

test('answers that are accepted are read alike by llhttp', { timeout: fuzzMs() + 30_000 }, async () => {
  const seed = fuzzSeed()
  const chance = createChance(seed)
  const node = new NodeAnswers()
  const until = performance.now() + fuzzMs()
  let streams = 0
  let accepted = 0
  while (performance.now() < until) {
    const batch: (Stream & { method: string })[] = []
    for (let i = 0; i < BATCH; i++) {
      const bytes = answerStream(chance, chance.pick(ODDITIES))
      const method = chance.pick(['GET', 'GET', 'POST', 'HEAD'])
      batch.push({ method, bytes, cuts: cutsOf(bytes.length, chance) })
    }
    const theirs = await node.read(batch)
    for (const [i, { method, bytes, cuts }] of batch.entries()) {
      const own = new OwnAnswers(method).read(bytes, cuts)
      const whole = new OwnAnswers(method).read(bytes, [bytes.length])
      streams++
      accepted += own.messages.filter((it) => it.complete).length
      const found = difference(own, whole, theirs[i] as Reading)
      if (found) {
        const context = JSON.stringify({ method, bytes: bytes.toString('latin1'), cuts, own, node: theirs[i] })
        expect.fail(`seed ${seed}: ${found}\n${context}`)
      }
    }
  }
  console.info(`seed ${seed}: ${streams} streams, ${accepted} answers accepted`)
  expect(accepted).toBeGreaterThan(streams / 5)
})
