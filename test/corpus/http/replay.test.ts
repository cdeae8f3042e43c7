/**
 * What the gateway forwards of all that it accepts, replayed into other servers: each of them finds the same requests in it,
 * with the same bodies. Where they would not, there would be something to smuggle.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCorpus } from './entries.ts'
import { startCorpusGateway } from './mesh.ts'
import { type Message, readMessages } from './messages.ts'
import { openClient } from './raw-client.ts'
import { type RequestEntry, toRequestEntry } from './request-entry.ts'
import { runRequest } from './request-run.ts'
import { isMissing, REPLAYED, type Replayed, startReplayed } from './servers.ts'

const LAST = 'GET /last HTTP/1.1\r\nHost: last.test\r\nConnection: close\r\n\r\n'

const entries = readCorpus('requests').flatMap((file) => file.entries.map(toRequestEntry))
const accepted = entries.filter(({ verdict }) => verdict.forwarded.length > 0)

describe('what is forwarded', () => {
  const forwarded = new Map<RequestEntry, readonly Message[]>()

  test('is taken from a gateway', async () => {
    const gateway = await startCorpusGateway('fast')
    for (const entry of accepted) forwarded.set(entry, (await runRequest(entry, 'fast', gateway)).forwarded)
    expect(await gateway.load.stop()).toEqual([])
    expect([...forwarded.values()].every((messages) => messages.length > 0)).toBe(true)
  })

  describe.each(REPLAYED)('read by %s', (name) => {
    const skips = isMissing(name)
    let server: Replayed | undefined
    beforeAll(async () => {
      if (!skips) server = await startReplayed(name)
    })
    afterAll(() => server?.close())

    test.skipIf(skips)('is the same requests with the same bodies', async () => {
      const wrong: string[] = []
      for (const [entry, messages] of forwarded) {
        if (!entry.unreplayed.includes(name)) wrong.push(...(await replay(server as Replayed, entry, messages)))
      }
      expect(wrong).toEqual([])
    })
  })
})

/** All of an entry on one connection, in one go, as bad as it can get. @returns what was read otherwise */
async function replay(server: Replayed, entry: RequestEntry, messages: readonly Message[]): Promise<string[]> {
  const { name, verdict } = entry
  // What follows a request to upgrade is not read as HTTP by all of them; the gateway sends nothing behind one.
  const isLast = messages.some(({ fields }) => fields.some(([field]) => field === 'upgrade'))
  const due = isLast ? verdict.forwarded : [...verdict.forwarded, { method: 'GET', target: '/last', body: '' }]
  const client = openClient(server.port)
  client.send(Buffer.concat([...messages.map(({ bytes }) => bytes), Buffer.from(isLast ? '' : LAST)]))
  const answers = (): readonly Message[] => {
    let index = 0
    return readMessages(
      client.heard(),
      () => (verdict.forwarded[index++]?.method === 'HEAD' ? 'bodiless' : 'until-end'),
      client.ending() === 'end',
    ).messages
  }
  await client.until(() => isLast && answers().length >= due.length)
  client.close()
  const seen = server.take()
  const wrong: string[] = []
  if (JSON.stringify(seen) !== JSON.stringify(due)) {
    wrong.push(`${name}: read ${JSON.stringify(seen)}, forwarded ${JSON.stringify(due)}`)
  }
  const statuses = answers().map(({ start }) => start.split(' ')[1])
  if (statuses.length !== due.length || statuses.some((it) => it !== '200')) wrong.push(`${name}: answered ${statuses}`)
  return wrong
}
