/** A real Prometheus scrapes a real gateway and a service, and answers with what really happened. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, createCluster, type Member } from '../support/cluster.ts'
import { alerts, alertsFile, panels } from '../support/monitoring.ts'
import { freePort } from '../support/processes.ts'
import { type Prometheus, prometheusIsMissing, startPrometheus } from '../support/prometheus.ts'

const run = promisify(execFile)
const CALLS = 40
const PATHS = 10_000

describe.skipIf(prometheusIsMissing)('Prometheus', () => {
  let cluster: Cluster
  let gateway: Member
  let addresses: string[]
  let prometheus: Prometheus

  beforeAll(async () => {
    cluster = createCluster({
      backend: { args: ['-registry', 'embedded', '-embedded_port', String(await freePort())] },
      services:
        'services:\n  echo:\n    echo: { path: /echo, breaker: 9/1000 }\n    few: { path: /echo, callLimit: 60/1 }\n',
    })
    gateway = await cluster.gateway('gateway1')
    const node = await cluster.node('echo1')
    addresses = await Promise.all(
      [gateway, node].map(async (member) => (await member.process.waitForLine(/admin at (\S+)/)).match[1] as string),
    )
    prometheus = await startPrometheus(addresses, [alertsFile])
  })
  afterAll(async () => {
    await prometheus?.close()
    await cluster?.close()
  })

  const page = async (at = 0): Promise<string> => (await fetch(`http://${addresses[at]}/metrics`)).text()
  const seriesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

  test('ten thousand paths that clients make up are one series', async () => {
    await fetch(`${gateway.url}/nowhere/first`)
    const before = seriesOf(await page()).length
    expect(await askFor(gateway.httpPort, PATHS)).toBe(PATHS)
    const after = await page()
    expect(after).toContain(`goms_gateway_requests_total{service="none",action="none",status="404"} ${PATHS + 1}\n`)
    expect(seriesOf(after).length).toBe(before)
    expect(after).toContain('goms_metrics_dropped_series_total 0\n')
  })

  test('what it is asked it answers from what it scraped', async () => {
    for (let i = 0; i < CALLS; i++) expect((await fetch(`${gateway.url}/api/echo/echo?id=${i}`)).status).toBe(200)
    for (let i = 0; i < 3; i++) await fetch(`${gateway.url}/api/echo/few?id=${i}`)
    await prometheus.until('sum(up{job="goms"})', (value) => value === 2)
    const equal = (promql: string, wanted: number) => prometheus.until(promql, (value) => value === wanted)
    await equal('sum(goms_gateway_requests_total{service="echo",action="echo",status="200"})', CALLS)
    await equal('sum(goms_calls_total{service="echo",action="echo",code="OK"})', CALLS)
    await equal('sum(goms_calls_total{service="echo",action="few",code="RESOURCE_EXHAUSTED"})', 2)
    await equal('sum(goms_limiter_refusals_total{service="echo",action="few"})', 2)
    await equal('sum(goms_errors_total{side="gateway",code="NOT_FOUND"})', PATHS + 1)
    await equal('sum(goms_node_attempts_total{service="echo",outcome="success"})', CALLS + 1)
    await equal('sum(goms_served_calls_total{service="echo",transport="http",method="GET",code="OK"})', CALLS + 1)
    await equal('max(goms_registry_nodes{service="echo"})', 1)
    await equal('min(goms_registry_connected)', 1)
    await equal('max(goms_breaker_state{service="echo",action="echo"})', 0)
    await equal('count(goms_ready == 1)', 2)
    const p99 =
      'histogram_quantile(0.99, sum by (le) (goms_gateway_request_duration_seconds_bucket{service="echo",action="echo"}))'
    // The service waits for five milliseconds.
    expect(await prometheus.until(p99, Number.isFinite)).toBeGreaterThan(0.0025)
    expect(await prometheus.until('max(process_resident_memory_bytes)', (value) => value > 0)).toBeGreaterThan(1e7)
  })

  test('every panel and every alert is a query that it takes, and the metrics are as they should be', async () => {
    for (const { queries } of panels()) for (const query of queries) await prometheus.query(query)
    await expect.poll(async () => (await prometheus.rules()).some(({ health }) => health === 'unknown')).toBe(false)
    const rules = await prometheus.rules()
    expect(rules.map(({ name }) => name).sort()).toEqual(
      alerts()
        .map(({ alert }) => alert)
        .sort(),
    )
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
  })

  test('promtool finds nothing to say against page and rules, and every alert fires when it should', async () => {
    for (const [at, text] of [await page(0), await page(1)].entries()) {
      const file = join(cluster.dir, `page-${at}.txt`)
      writeFileSync(file, text)
      const { stdout, stderr } = await run('sh', ['-c', 'promtool check metrics < "$0"', file])
      expect(stdout + stderr).toBe('')
    }
    await run('promtool', ['check', 'rules', alertsFile])
    const { stdout } = await run('promtool', [
      'test',
      'rules',
      join(import.meta.dirname, '..', 'monitoring', 'alerts.test.yml'),
    ])
    expect(stdout).toContain('SUCCESS')
  })
})

/** As many requests for paths of their own, on one connection; resolves to how many were answered 404. */
function askFor(port: number, count: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let answers = 0
    let rest = ''
    let asked = 0
    const ask = (): void => {
      let text = ''
      for (let i = 0; i < 100 && asked < count; i++, asked++) {
        text += `GET /p${Math.random().toString(36).slice(2)}/${asked} HTTP/1.1\r\nhost: a\r\n\r\n`
      }
      socket.write(text)
    }
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('HTTP/1.1 404')
      rest = (parts.pop() as string).slice(-12)
      answers += parts.length
      if (answers >= count) socket.end()
      else if (answers === asked) ask()
    })
    socket.on('close', () => resolve(answers))
    socket.on('error', reject)
    ask()
  })
}
