/**
 * The corpus of raw requests against both front engines, while others use the same gateway and the same node: what must be
 * refused is, without a byte of it forwarded; what must be accepted reaches the node as it is told.
 */
import { describe, expect, test } from 'vitest'
import { readCorpus } from './entries.ts'
import { PARSERS, startCorpusGateway } from './mesh.ts'
import { toRequestEntry } from './request-entry.ts'
import { runRequest } from './request-run.ts'

const files = readCorpus('requests').map(({ name, entries }) => ({ name, entries: entries.map(toRequestEntry) }))

describe.each(PARSERS)('parser: %s', (parser) => {
  test.each(files)('$name', async ({ name, entries }) => {
    const gateway = await startCorpusGateway(
      parser,
      name === 'trusted-proxies' ? { trustedProxies: ['127.0.0.1'] } : {},
    )
    const complaints: string[] = []
    for (const entry of entries) complaints.push(...(await runRequest(entry, parser, gateway)).complaints)
    complaints.push(...(await gateway.load.stop()), ...gateway.node.errors)
    complaints.push(...gateway.forwarded().map(({ start }) => `forwarded late: ${start}`))
    // Not one byte but of whole requests, and of bodies that were on their way when they broke off.
    const parts = entries.filter(({ part, safePart }) => (parser === 'safe' ? safePart : part)).length
    const halves = gateway.node.leftovers().map((text) => `half a request forwarded: ${JSON.stringify(text)}`)
    expect([...complaints, ...(halves.length > parts ? halves : [])]).toEqual([])
  })
})

test('there are at least 100 raw requests', () => {
  expect(files.flatMap(({ entries }) => entries).length).toBeGreaterThanOrEqual(100)
})
