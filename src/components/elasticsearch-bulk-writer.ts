/** Documents in batches, with what became of each of them: what was refused for now is sent again, the rest is told. */
import { randomBytes } from 'node:crypto'
import type { Client } from '@elastic/elasticsearch'
import { fullJitterMs } from '../core/backoff.ts'
import type { Clock } from '../core/clock.ts'

/** A document that was not taken. */
export interface BulkFailure {
  /** Its place among the given documents, from 0. */
  readonly position: number
  readonly id: string
  readonly status: number
  readonly type: string
  readonly reason: string
}

/** What `bulk` rejects with when documents were not taken; the others were. */
export class BulkError extends Error {
  override readonly name = 'BulkError'
  /** Documents that were taken. */
  readonly taken: number
  /** Documents that were not. */
  readonly failed: number
  /** The first 1000 of them. */
  readonly failures: readonly BulkFailure[]

  constructor(index: string, taken: number, failed: number, failures: readonly BulkFailure[]) {
    const [first] = failures
    const why = first === undefined ? '' : `: ${first.status} ${first.type}: ${first.reason} (id ${first.id})`
    super(`elasticsearch: ${failed} of ${taken + failed} documents for ${index} were not taken${why}`)
    this.taken = taken
    this.failed = failed
    this.failures = failures
  }
}

export interface BulkOptions<T> {
  /** The id of a document; one that is there already is replaced. @default a new one, which is never taken twice */
  readonly id?: (document: T) => string
}

export interface BulkDeps {
  readonly client: Client
  readonly clock: Clock
}

interface Item {
  readonly position: number
  readonly id: string
  readonly lines: readonly [action: string, document: string]
}

/** What an item's answer may have; the client's own type has all of it as optional. */
interface Answer {
  readonly status?: number
  readonly error?: { readonly type?: string; readonly reason?: string | null } | undefined
}

const MAX_DOCUMENTS = 1000
const MAX_CHARS = 4 * 1024 * 1024
const MAX_FAILURES = 1000
const MAX_TRIES = 6
const AGAIN = { baseMs: 200, maxMs: 5000 } as const
/** The server is overloaded, or a shard is not there now. */
const LATER: ReadonlySet<number> = new Set([429, 502, 503, 504])
/** The same of those failures that the client has no status for. */
const LOST: ReadonlySet<string> = new Set(['ConnectionError', 'TimeoutError', 'NoLivingConnectionsError'])
const CONFLICT = 409

/** Ids that begin alike are cheap for the server. */
const process = randomBytes(9).toString('base64url')
let count = 0

export function newDocumentId(): string {
  return `${process}${(count++).toString(36)}`
}

/** Sends one batch after the other, and reads no more documents than it needs for one. @throws BulkError */
export async function writeBulk<T extends object>(
  { client, clock }: BulkDeps,
  index: string,
  documents: Iterable<T> | AsyncIterable<T>,
  { id }: BulkOptions<T>,
): Promise<number> {
  const failures: BulkFailure[] = []
  let taken = 0
  let failed = 0
  let batch: Item[] = []
  let chars = 0
  let position = 0

  async function flush(): Promise<void> {
    const items = batch
    batch = []
    chars = 0
    if (items.length === 0) return
    const refused = await send({ client, clock }, index, items)
    taken += items.length - refused.length
    failed += refused.length
    failures.push(...refused.slice(0, MAX_FAILURES - failures.length))
  }

  for await (const document of documents) {
    const item = itemOf(position++, document, id)
    const size = item.lines[0].length + item.lines[1].length
    if (batch.length === MAX_DOCUMENTS || chars + size > MAX_CHARS) await flush()
    batch.push(item)
    chars += size
  }
  await flush()
  if (failed > 0) throw new BulkError(index, taken, failed, failures)
  return taken
}

/** A document with an id of ours is created: one whose answer was lost can be sent again, and is there once. */
function itemOf<T extends object>(position: number, document: T, id: BulkOptions<T>['id']): Item {
  const own = id === undefined ? newDocumentId() : String(id(document))
  const action = id === undefined ? { create: { _id: own } } : { index: { _id: own } }
  return { position, id: own, lines: [JSON.stringify(action), JSON.stringify(document)] }
}

/** @returns those that were not taken, after all tries */
async function send(
  { client, clock }: BulkDeps,
  index: string,
  items: readonly Item[],
): Promise<readonly BulkFailure[]> {
  const refused: BulkFailure[] = []
  let left = items
  for (let tries = 1; left.length > 0; tries++) {
    const answers = await ask(client, index, left)
    const again: Item[] = []
    for (const [at, item] of left.entries()) {
      const answer = answers[at] ?? {}
      const status = answer.status ?? 0
      if ((status >= 200 && status < 300) || (status === CONFLICT && item.lines[0].startsWith('{"create"'))) continue
      if (LATER.has(status) && tries < MAX_TRIES) again.push(item)
      else refused.push(failureOf(item, status, answer.error))
    }
    left = again
    if (left.length > 0) await new Promise<void>((resolve) => clock.after(fullJitterMs(tries, AGAIN), resolve))
  }
  return refused
}

function failureOf({ position, id }: Item, status: number, error: Answer['error']): BulkFailure {
  return { position, id, status, type: error?.type ?? 'unknown', reason: error?.reason ?? 'no reason was given' }
}

/** One answer for each item; of a request that failed as a whole, and may go better, the same for all. */
async function ask(client: Client, index: string, items: readonly Item[]): Promise<readonly Answer[]> {
  try {
    // Lines are taken as they are: each is made once, however often it is sent.
    const operations = items.flatMap(({ lines }) => lines) as unknown as object[]
    const { items: answers } = await client.bulk({ index, operations }, { maxRetries: 0 })
    return answers.map((answer) => Object.values(answer)[0] ?? {})
  } catch (thrown) {
    const { name, message, statusCode = 503 } = thrown as Error & { statusCode?: number }
    if (!LOST.has(name) && !LATER.has(name === 'ResponseError' ? statusCode : 0)) throw thrown
    return items.map(() => ({ status: statusCode, error: { type: name, reason: message } }))
  }
}
