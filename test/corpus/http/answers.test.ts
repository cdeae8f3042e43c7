/**
 * The corpus of raw answers behind both front engines, while others use the same gateway: a node that does not speak HTTP as
 * it should is a 502 or a broken answer, never a short one that looks complete, and never the answer of somebody else.
 */
import { describe, expect, test } from 'vitest'
import { toAnswerEntry } from './answer-entry.ts'
import { BAD_PATH, GOOD_PATH, runAnswer, startAnswerNode } from './answer-run.ts'
import { readCorpus } from './entries.ts'
import { PARSERS, startCorpusGateway } from './mesh.ts'

const files = readCorpus('answers').map(({ name, entries }) => ({ name, entries: entries.map(toAnswerEntry) }))

describe.each(PARSERS)('parser: %s', (parser) => {
  test.each(files)('$name', async ({ entries }) => {
    const node = await startAnswerNode()
    const routes = { bad: { path: BAD_PATH }, good: { path: GOOD_PATH } }
    const gateway = await startCorpusGateway(parser, { other: { port: node.port, routes } })
    const complaints: string[] = []
    for (const entry of entries) {
      complaints.push(...(await runAnswer(entry, gateway.port, node, (path) => `/api/other${path}`)))
    }
    complaints.push(...(await gateway.load.stop()))
    await node.close()
    expect(complaints).toEqual([])
  })
})

test('there are at least 40 raw answers', () => {
  expect(files.flatMap(({ entries }) => entries).length).toBeGreaterThanOrEqual(40)
})
