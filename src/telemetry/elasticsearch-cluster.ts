/** The nodes of an Elasticsearch, asked in turn; one that cannot be reached rests while others are there. */
import type { Clock } from '../core/clock.ts'
import { BULK_QUERY, BULK_TYPE } from './elasticsearch-bulk.ts'
import { toIndexBody } from './elasticsearch-index.ts'
import { withoutSecrets } from './exporter-address.ts'
import { createHttpPost, type HttpPost, type PostOutcome } from './http-post.ts'

export interface ElasticsearchCluster {
  /** For the log: `host:9200, host:9200`. */
  readonly name: string
  /** Never rejects. A failure on the way is `again`: what `_bulk` is sent here can be sent twice. */
  bulk(chunks: readonly Uint8Array[], signal: AbortSignal): Promise<PostOutcome>
  /** Creates an index that is not there. `refused` also when it is. */
  createIndex(index: string, signal: AbortSignal): Promise<PostOutcome>
  close(): void
}

export interface ElasticsearchClusterOptions {
  /** With a path that ends with `/`. */
  readonly urls: readonly URL[]
  /** Requests at a time. */
  readonly maxSockets: number
}

interface Node {
  readonly name: string
  readonly url: URL
  readonly http: HttpPost
  restsUntilMs: number
}

const REST_MS = 10_000
/** Of the node or of a proxy: not there now. */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504])
/** Of an answer to a thousand items that are all refused. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024

export function createElasticsearchCluster(options: ElasticsearchClusterOptions, clock: Clock): ElasticsearchCluster {
  const { urls, maxSockets } = options
  const nodes: readonly Node[] = urls.map((url) => {
    const bulkUrl = new URL(`_bulk?${BULK_QUERY}`, url)
    const headers = { 'content-type': BULK_TYPE }
    const http = createHttpPost({ url: bulkUrl, headers, maxSockets, maxAnswerBytes: MAX_ANSWER_BYTES })
    return { name: url.host, url, http, restsUntilMs: Number.NEGATIVE_INFINITY }
  })
  let turn = 0

  /** All nodes, those that rest last, the one that has rested longest before the others. */
  function inTurn(): readonly Node[] {
    const first = turn++ % nodes.length
    const now = clock.now()
    const order = [...nodes.slice(first), ...nodes.slice(0, first)]
    const rest = (node: Node): number => Math.max(0, node.restsUntilMs - now)
    return order.sort((a, b) => rest(a) - rest(b))
  }

  /** Asks one node, and the next one where it does not answer: at most each of them once. */
  async function ask(post: (node: Node) => Promise<PostOutcome>, signal: AbortSignal): Promise<PostOutcome> {
    let outcome: PostOutcome = { kind: 'again', reason: 'no node' }
    for (const node of inTurn()) {
      outcome = named(node, await post(node))
      if (outcome.kind === 'taken') return outcome
      // Its own word; that of a proxy before it is as good as none.
      if (outcome.status !== undefined && !AWAY.has(outcome.status)) return outcome
      node.restsUntilMs = clock.now() + REST_MS
      outcome = { ...outcome, kind: 'again' }
      if (signal.aborted) break
    }
    return outcome
  }

  function named(node: Node, outcome: PostOutcome): PostOutcome {
    if (outcome.kind === 'taken' || nodes.length === 1) return outcome
    return { ...outcome, reason: `${node.name} ${outcome.reason}` }
  }

  return {
    name: urls.map((url) => withoutSecrets(url.host)).join(', '),
    bulk: (chunks, signal) => ask((node) => node.http.post(chunks, signal), signal),
    createIndex(index, signal) {
      const body = [Buffer.from(toIndexBody(index))]
      const headers = { 'content-type': 'application/json' }
      return ask(async (node) => {
        const http = createHttpPost({ url: new URL(index, node.url), method: 'PUT', headers, maxSockets: 1 })
        try {
          return await http.post(body, signal)
        } finally {
          http.close()
        }
      }, signal)
    },
    close() {
      for (const node of nodes) node.http.close()
    },
  }
}
