/** A real Elasticsearch for tests: one node on a free port with a temporary data directory, to be killed and started again. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ELASTICSEARCH_ARGS, hasElasticsearch } from '../../scripts/elasticsearch.mjs'
import { freePort, type Running, startProcess } from './processes.ts'

export interface Elasticsearch {
  readonly port: number
  readonly url: string
  /** What the server answers, whatever the status. */
  ask(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>
  /** The documents of these indices that match, at most 10 000, with what was written until now. */
  search<T>(indices: string, query: unknown): Promise<readonly T[]>
  /** SIGKILL, and waits for the end. Its data stay. */
  kill(): Promise<void>
  /** Again, on the same port with the same data. */
  start(): Promise<void>
  close(): Promise<void>
}

/** Whether tests that need it are skipped: it is not there, and nobody requires it. `node scripts/servers.mjs` fetches it. */
export const elasticsearchIsMissing: boolean = !hasElasticsearch() && !process.env.GOMS_REQUIRE_SERVERS

/** Three seconds on a machine with nothing else to do. */
const START_MS = 60_000

export async function startElasticsearch(): Promise<Elasticsearch> {
  const dir = mkdtempSync(join(tmpdir(), 'goms-elasticsearch-'))
  mkdirSync(join(dir, 'config'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let running: Running | undefined

  async function start(): Promise<void> {
    running = startProcess('java', [...ELASTICSEARCH_ARGS, dir, String(port)], { name: 'elasticsearch' })
    await running.waitForLine(/^listening on/, START_MS)
  }

  async function kill(): Promise<void> {
    running?.signal('SIGKILL', true)
    await running?.exited
  }

  async function ask(method: string, path: string, body?: unknown) {
    const answer = await fetch(`${url}${path}`, {
      method,
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: await answer.json() }
  }

  const self: Elasticsearch = {
    port,
    url,
    ask,
    start,
    kill,
    async search<T>(indices: string, query: unknown) {
      await ask('POST', `/${indices}/_refresh?ignore_unavailable=true`)
      const { body } = await ask('POST', `/${indices}/_search?ignore_unavailable=true`, { query, size: 10_000 })
      const { hits } = body as { hits?: { hits: readonly { _source: T }[] } }
      if (hits === undefined) throw new Error(`no search: ${JSON.stringify(body).slice(0, 500)}`)
      return hits.hits.map((hit) => hit._source)
    },
    async close() {
      await kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
  try {
    await start()
  } catch (error) {
    await self.close()
    throw error
  }
  return self
}
