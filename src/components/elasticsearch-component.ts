/** Elasticsearch as a component of services: the official client with a life, and the two things that are done most. */
import type { Client, ClientOptions } from '@elastic/elasticsearch'
import type { Clock } from '../core/clock.ts'
import { type Component, type ComponentContext, component } from '../core/component.ts'
import { integerOption } from '../core/option-check.ts'
import { toElasticsearchUrls } from '../telemetry/elasticsearch-address.ts'
import { type BulkOptions, newDocumentId, writeBulk } from './elasticsearch-bulk-writer.ts'
import { type ElasticsearchHealth, watchHealth } from './elasticsearch-health.ts'
import { noAddress } from './no-address.ts'
import { importPeer } from './peer.ts'

/** What handlers find. */
export interface Elasticsearch {
  /** The official client, for all else. */
  readonly client: Client
  /**
   * Writes one document, and resolves with its id. One with an `id` replaces what is there under it; without, it is there once
   * however often it had to be sent. Rejects with the errors of the client.
   */
  put(index: string, document: object, id?: string): Promise<string>
  /**
   * Writes documents in batches of at most 1000 or 4 Mi characters, one after the other, and resolves with their number. What the server
   * refuses for now is sent again, six times at most. Rejects with a {@link BulkError} that tells of each document which was
   * not taken, and with the errors of the client where a whole batch was refused.
   */
  bulk<T extends object>(
    index: string,
    documents: Iterable<T> | AsyncIterable<T>,
    options?: BulkOptions<T>,
  ): Promise<number>
}

/** Options of `elasticsearch()`. */
export interface ElasticsearchComponentOptions {
  /** @default 'elasticsearch' */
  readonly name?: string
  /** `https://user:password@host:9200`, `host:9200`, several with `|` between them. @default `esAddr` of the settings */
  readonly url?: string
  /** Without an address its value is undefined; else the start fails. @default false */
  readonly optional?: boolean
  /** One that is away at the start is found later; else the start fails. @default false */
  readonly startAnyway?: boolean
  /** How long a start waits for it, 1 to 60000. @default 10000 */
  readonly startMs?: number
  /** What a request may take, 100 to 600000. @default 30000 */
  readonly timeoutMs?: number
  /** More options of the official client: `auth`, `tls`, `compression` … */
  readonly client?: Omit<ClientOptions, 'node' | 'nodes' | 'cloud'>
}

interface Opened {
  readonly health: ElasticsearchHealth
}

const SAID = {
  setting: ['esAddr', 'http://127.0.0.1:9200', 'GOMS_ES_ADDR'],
  instead: 'elasticsearch({ optional: true })',
} as const
const START_MS = 10_000
const TIMEOUT_MS = 30_000
const LOAD_MS = 10_000
const LOOK_MS = 200
const CLOSE_MS = 3000
const CONFLICT = 409
/** No waiting mends them: a wrong password, another product, a client of another version. */
const FINAL: ReadonlySet<number> = new Set([400, 401, 406])

const opened = new WeakMap<Elasticsearch, Opened>()

/**
 * An Elasticsearch to stand in `uses`; `@elastic/elasticsearch` is to be installed beside goms. Logs and traces need none of it.
 *
 * The start fails with GOMS_CONFIG_INVALID without an address, GOMS_PEER_MISSING without the package, and GOMS_COMPONENT_FAILED
 * while no node answers.
 * @example service('search', { uses: { es: elasticsearch() }, rpc: { add: (book, { es }) => es.put('books', book) } })
 * @throws GomsError GOMS_OPTION_INVALID
 */
export function elasticsearch(
  options: ElasticsearchComponentOptions & { readonly optional: true },
): Component<Elasticsearch | undefined>
export function elasticsearch(options?: ElasticsearchComponentOptions): Component<Elasticsearch>
export function elasticsearch(options: ElasticsearchComponentOptions = {}): Component<Elasticsearch | undefined> {
  const startMs = integerOption('elasticsearch', 'startMs', options.startMs ?? START_MS, [1, 60_000])
  const timeoutMs = integerOption('elasticsearch', 'timeoutMs', options.timeoutMs ?? TIMEOUT_MS, [100, 600_000])
  return component<Elasticsearch | undefined>({
    name: options.name ?? 'elasticsearch',
    startTimeoutMs: startMs + LOAD_MS,
    start: (context) => start(options, { startMs, timeoutMs }, context),
    ready: (value) => value && opened.get(value)?.health.away(),
    async close(value) {
      const health = value && opened.get(value)?.health
      if (value === undefined || health === undefined) return
      health.stop()
      await health.idle(CLOSE_MS)
      await value.client.close()
    },
  })
}

async function start(
  options: ElasticsearchComponentOptions,
  { startMs, timeoutMs }: { readonly startMs: number; readonly timeoutMs: number },
  { settings, log, clock }: ComponentContext,
): Promise<Elasticsearch | undefined> {
  const { name = 'elasticsearch', url = settings.esAddr } = options
  if (url === undefined) {
    if (options.optional === true) return undefined
    throw noAddress({ ...SAID, name })
  }
  const urls = toElasticsearchUrls(url)
  const peer = { name: '@elastic/elasticsearch', version: '^8.19', neededBy: `component "${name}"` }
  const { Client } = await importPeer(peer, () => import('@elastic/elasticsearch'))
  const client = new Client({ requestTimeout: timeoutMs, ...options.client, nodes: urls.map(toNode) })
  const shown = urls.map(({ host }) => host).join(', ')
  const health = watchHealth(client, { shown, clock, log })
  try {
    await untilThere(health, shown, startMs, clock)
  } catch (thrown) {
    if (options.startAnyway !== true) {
      health.stop()
      await client.close()
      throw thrown
    }
  }
  const value = createHelpers(client, clock)
  opened.set(value, { health })
  return value
}

/** Users go along in a header: a URL finds its way into messages. */
function toNode(url: URL): { readonly url: URL; readonly headers?: Record<string, string> } {
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  if (url.username === '') return { url: bare }
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return { url: bare, headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` } }
}

async function untilThere(health: ElasticsearchHealth, shown: string, startMs: number, clock: Clock): Promise<void> {
  const began = clock.now()
  for (let tries = 1; ; tries++) {
    const failed = await health.ask().then(
      () => undefined,
      (error: Error & { statusCode?: number }) => error,
    )
    if (failed === undefined) return
    const { name, message, statusCode = 0 } = failed
    const what = statusCode === 0 ? message || name : `${statusCode} ${message}`.trim()
    if (FINAL.has(statusCode) || name === 'ProductNotSupportedError') throw new Error(`${shown}: ${what}`)
    // One that says who may ping it is there.
    if (health.away() === undefined) return
    if (clock.now() - began + LOOK_MS >= startMs) {
      throw new Error(`${shown}: no answer within ${startMs} ms (tries: ${tries}): ${what}`)
    }
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve))
  }
}

function createHelpers(client: Client, clock: Clock): Elasticsearch {
  return {
    client,
    async put(index, document, id) {
      if (id !== undefined) return (await client.index({ index, id, document }))._id
      const own = newDocumentId()
      try {
        await client.index({ index, id: own, document, op_type: 'create' })
      } catch (thrown) {
        // The client sends again what it had no answer for: an earlier try has arrived.
        if ((thrown as { statusCode?: number }).statusCode !== CONFLICT) throw thrown
      }
      return own
    },
    bulk: (index, documents, options = {}) => writeBulk({ client, clock }, index, documents, options),
  }
}
