/** A rolling upgrade that adds a method and removes one, under requests from outside: nothing is lost, nothing runs twice. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, createCluster, type Member } from '../support/cluster.ts'
import { freePort } from '../support/processes.ts'

const fixture = 'echo-version.mjs'
let cluster: Cluster
let gateway: Member

beforeAll(async () => {
  cluster = createCluster({
    backend: { args: ['--registry', 'embedded', '--embedded-port', String(await freePort(4))] },
  })
  gateway = await cluster.gateway('gateway1')
})
afterAll(() => cluster?.close())

interface Answer {
  readonly method: string
  readonly id: string
  readonly status: number
  /** Of the node that answered. */
  readonly version: string | undefined
}

let calls = 0
async function ask(method: string): Promise<Answer> {
  const id = `${method}-${++calls}`
  const response = await fetch(`${gateway.url}/api/echo/${method}`, { method: 'POST', body: JSON.stringify({ id }) })
  const { data } = (await response.json()) as { data?: { version: string } }
  return { method, id, status: response.status, version: data?.version }
}

test('each method is served from the first node that has it to the last', async () => {
  const start = (name: string, version: string): Promise<Member> =>
    cluster.node(name, { fixture, env: { GOMS_TEST_VERSION: version } })
  const first = await Promise.all([start('echo1', '1'), start('echo2', '1')])
  await expect.poll(async () => (await ask('keep')).status).toBe(200)
  expect((await ask('fresh')).status).toBe(404)

  // What is asked for while it runs, and what is expected of it.
  const answers: Answer[] = []
  const asked = new Set(['keep', 'old'])
  let on = true
  const asking = Array.from({ length: 8 }, async () => {
    while (on) for (const method of [...asked]) answers.push(await ask(method))
  })

  const second = [await start('echo3', '2')]
  await expect.poll(async () => (await ask('fresh')).status).toBe(200)
  asked.add('fresh')
  await first[0]?.process.stop()
  second.push(await start('echo4', '2'))
  asked.delete('old')
  // Requests for it that are under way end before its last node begins to.
  await new Promise((resolve) => setTimeout(resolve, 300))
  await first[1]?.process.stop()
  await new Promise((resolve) => setTimeout(resolve, 300))
  on = false
  await Promise.all(asking)

  expect(answers.length).toBeGreaterThan(200)
  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  const versions = (method: string): string[] =>
    [...new Set(answers.flatMap((it) => (it.method === method ? (it.version ?? []) : [])))].sort()
  expect({ keep: versions('keep'), old: versions('old'), fresh: versions('fresh') }).toEqual({
    ...{ keep: ['1', '2'], old: ['1'], fresh: ['2'] },
  })
  const runs = cluster.executed().map(({ id }) => id)
  expect(runs.filter((id, at) => runs.indexOf(id) !== at)).toEqual([])

  expect((await ask('old')).status).toBe(404)
  expect((await ask('fresh')).status).toBe(200)
})
