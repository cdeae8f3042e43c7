import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import { silentLog } from '../core/log.ts'
import { toHostPort } from '../core/node.ts'
import { client } from '../mesh/client.ts'
import { service } from '../service/service.ts'
import { metrics } from '../telemetry/user-metrics.ts'
import { type Served, serve } from './serve.ts'

const User = contract('user', { rpc: { exists: rpc<void, boolean>() } })
const user = service(User, { rpc: { exists: () => true } })
const cups = metrics.counter('kitchen_cups_total', { help: 'Cups of "tea".', labels: ['of'] })

const running: Served[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((served) => served.close('now')))
})

async function start(flags: Record<string, string> = {}): Promise<string> {
  const served = await serve(user, {
    flags: { registry: 'memory', host: '127.0.0.1', ...flags },
    env: {},
    log: silentLog,
  })
  running.push(served)
  return `http://${toHostPort(served.nodes[0]?.admin ?? { host: '', port: 0 })}`
}

test('the admin listener has a page of what goms and the user count', async () => {
  const admin = await start()
  cups.inc({ of: 'green' }, 3)
  await client(User).exists()
  const answer = await fetch(`${admin}/metrics`)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const page = await answer.text()
  expect(page).toContain('\nkitchen_cups_total{of="green"} 3\n')
  expect(page).toContain('\n# HELP kitchen_cups_total Cups of "tea".\n')
  expect(page).toContain('\ngoms_calls_total{service="user",action="exists",code="OK"} 1\n')
  expect(page).toContain('\ngoms_ready{service="user"} 1\n')
  expect(page).toContain('\ngoms_registry_nodes{service="user"} 1\n')
})

test('the same page can be had in the process', async () => {
  const admin = await start()
  const names = (page: string): string[] => page.split('\n').filter((line) => line.startsWith('# TYPE'))
  const page = await (await fetch(`${admin}/metrics`)).text()
  expect(names(await metrics.collect()).sort()).toEqual(names(page).sort())
})

test('what goes elsewhere is told of, by where to', async () => {
  // Nobody listens there.
  const admin = await start({ zipkinAddr: 'http://127.0.0.1:9/api/v2/spans' })
  await client(User).exists()
  const page = await (await fetch(`${admin}/metrics`)).text()
  expect(page).toContain('\ngoms_export_sent_total{exporter="zipkin"} 0\n')
  const [, waiting] = /\ngoms_export_waiting\{exporter="zipkin"\} (\d+)\n/.exec(page) ?? []
  const [, dropped] = /\ngoms_export_dropped_total\{exporter="zipkin"\} (\d+)\n/.exec(page) ?? []
  expect(Number(waiting) + Number(dropped)).toBeGreaterThan(0)
})

test('switched off there is no page, and what the user counts can still be had', async () => {
  const configs = mkdtempSync(join(tmpdir(), 'goms-metrics-'))
  writeFileSync(join(configs, 'config.yml'), 'metrics: { enabled: false }\n')
  const admin = await start({ configs }).finally(() => rmSync(configs, { recursive: true }))
  expect((await fetch(`${admin}/metrics`)).status).toBe(404)
  await client(User).exists()
  const page = await metrics.collect()
  expect(page).toContain('# TYPE kitchen_cups_total counter')
  expect(page).not.toContain('goms_')
})
