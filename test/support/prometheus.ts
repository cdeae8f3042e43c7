/** A real Prometheus for tests, on a free port, keeping what it scrapes in a temporary directory. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { missingServers } from '../../scripts/servers.mjs'
import { freePort, startProcess } from './processes.ts'

/** Why tests on Prometheus are skipped: it is not installed (node scripts/servers.mjs does), and nobody requires it. */
export const prometheusIsMissing: boolean = missingServers().includes('prometheus') && !process.env.GOMS_REQUIRE_SERVERS

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

export interface Prometheus {
  /** What PromQL answers now. @throws Error with what Prometheus says of a query that it does not take */
  query(promql: string): Promise<readonly Sample[]>
  /** The one value of the answer, once it satisfies `is`. @throws Error with the last one after 15 s */
  until(promql: string, is: (value: number) => boolean): Promise<number>
  /** Names of the rules, with how their evaluation went: `ok`, `err`, `unknown` before the first. */
  rules(): Promise<readonly { readonly name: string; readonly health: string; readonly lastError?: string }[]>
  close(): Promise<void>
}

/** @param targets `host:port` of what is scraped, every second */
export async function startPrometheus(targets: readonly string[], rules: readonly string[]): Promise<Prometheus> {
  const dir = mkdtempSync(join(tmpdir(), 'goms-prometheus-'))
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: [{ job_name: 'goms', static_configs: [{ targets }] }],
  }
  // JSON is YAML.
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config))
  const port = await freePort()
  const running = startProcess('prometheus', [
    `--config.file=${join(dir, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ])
  await running.waitForLine(/Server is ready to receive web requests/, 20_000)

  async function ask(path: string): Promise<unknown> {
    const answer = (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as {
      status: string
      error?: string
      data: unknown
    }
    if (answer.status !== 'success') throw new Error(`${decodeURIComponent(path)}: ${answer.error}`)
    return answer.data
  }

  async function query(promql: string): Promise<readonly Sample[]> {
    const { result } = (await ask(`query?query=${encodeURIComponent(promql)}`)) as {
      result: { metric: Record<string, string>; value: [number, string] }[]
    }
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
  }

  return {
    query,
    async until(promql, is) {
      const endMs = Date.now() + 15_000
      for (;;) {
        const found = await query(promql)
        const value = found[0]?.value
        if (found.length === 1 && value !== undefined && is(value)) return value
        if (Date.now() > endMs) throw new Error(`${promql}: ${JSON.stringify(found)}`)
        await sleep(200)
      }
    },
    async rules() {
      const { groups } = (await ask('rules')) as {
        groups: { rules: { name: string; health: string; lastError?: string }[] }[]
      }
      return groups.flatMap((group) => group.rules)
    },
    async close() {
      await running.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
