/** A running gateway under requests while its files are saved: routes come and go, mistakes change nothing, policies apply. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, createCluster, type Member } from '../support/cluster.ts'
import { freePort } from '../support/processes.ts'

let cluster: Cluster
let gateway: Member
/** Statuses of the requests that go on all the time. */
const statuses = new Set<number>()
let over = false
let running: Promise<void>

beforeAll(async () => {
  cluster = createCluster({ backend: { args: ['-registry', 'embedded', '-embedded_port', String(await freePort())] } })
  gateway = await cluster.gateway('gateway1')
  await cluster.node('echo1')
  running = (async () => {
    while (!over) {
      statuses.add((await fetch(`${gateway.url}/api/echo/echo?id=1`)).status)
      await pause(5)
    }
  })()
})
afterAll(async () => {
  over = true
  await running
  await cluster?.close()
})

const status = async (path: string): Promise<number> => (await fetch(`${gateway.url}${path}`)).status
/** Saves services.yml, and waits for what the gateway says of it. */
async function save(text: string, says: RegExp): Promise<void> {
  const seen = gateway.process.lines.length
  writeFileSync(join(cluster.dir, 'configs', 'services.yml'), text)
  await gateway.process.waitForLine(says, 2000, seen)
}

test('routes are added and removed, and a broken save changes nothing', async () => {
  await save('services:\n  echo:\n    echo: /echo\n    late: { path: /late, method: GET }\n', /reloaded \(routes\)/)
  expect(await status('/api/echo/late?id=1')).toBe(200)
  await save('services: { echo: { echo: /echo, late: [ }\n', /the last good one stays in force: GOMS_CONFIG_SYNTAX/)
  expect(await status('/api/echo/late?id=1')).toBe(200)
  await save('services: { echo: { echo: /echo, late: { limitter: 5/1 } } }\n', /\^{8} did you mean "limiter"\?$/)
  expect(await status('/api/echo/late?id=1')).toBe(200)
  await save('services:\n  echo:\n    echo: /echo\n', /reloaded \(routes\)/)
  expect(await status('/api/echo/late?id=1')).toBe(404)
  expect([...statuses]).toEqual([200])
})

test('a policy applies to the next call', async () => {
  await save('services: { echo: { echo: /echo, few: { path: /few, limiter: 60/2 } } }\n', /reloaded \(routes\)/)
  const got = []
  for (let n = 0; n < 3; n++) got.push(await status('/api/echo/few?id=1'))
  expect(got).toEqual([200, 200, 429])
  expect([...statuses]).toEqual([200])
})
