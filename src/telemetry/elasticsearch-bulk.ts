/**
 * The `_bulk` interface: documents as lines, and what became of each of them.
 * https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
 */
import type { SendOutcome } from './batch-sender.ts'
import { inOneLine } from './http-post.ts'

/** A document on its way. */
export interface BulkItem {
  readonly index: string
  /** Of ours, so that a batch whose answer was lost can be sent again: what is there already is not taken twice. */
  readonly id: string
}

/** Understood by all versions of Elasticsearch from 5 on, and by OpenSearch; those with a version in it are not. */
export const BULK_TYPE = 'application/x-ndjson'
/** Statuses stay for all items, for they are told apart by their place. */
export const BULK_QUERY = 'filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason'

/** Of an item or of a whole request: overloaded, or a shard that is not there now. */
const AGAIN: ReadonlySet<number> = new Set([429, 503])
/** `create` of an id that is there: an earlier try has arrived. */
const CONFLICT = 409
const MAX_REASON_CHARS = 200

/** The line before the document. Types are of the past, and nothing of it is theirs. */
export function toActionLine({ index, id }: BulkItem): string {
  return `{"create":{"_index":"${index}","_id":"${id}"}}\n`
}

interface ItemAnswer {
  readonly status?: unknown
  readonly error?: { readonly type?: unknown; readonly reason?: unknown }
}

/** Reads an answer of 200: what was taken, what can be sent again, and what is refused for good, with the first reason. */
export function readBulkAnswer<T>(batch: readonly T[], body: string): SendOutcome<T> {
  const answers = itemsOf(body)
  if (answers?.length !== batch.length) return { kind: 'again', reason: 'an answer that is none of _bulk' }
  const again: T[] = []
  let rejected = 0
  let reason: string | undefined
  let againReason: string | undefined
  for (let i = 0; i < batch.length; i++) {
    const answer = answers[i] as ItemAnswer
    const status = Number(answer.status)
    if ((status >= 200 && status < 300) || status === CONFLICT) continue
    if (AGAIN.has(status)) {
      again.push(batch[i] as T)
      againReason ??= reasonOf(answer, status)
    } else {
      rejected++
      reason ??= reasonOf(answer, status)
    }
  }
  if (again.length > 0) {
    return { kind: 'again', reason: `${again.length} of ${batch.length} later: ${againReason}`, items: again, rejected }
  }
  return rejected > 0 ? { kind: 'taken', rejected, reason: reason as string } : { kind: 'taken' }
}

function itemsOf(body: string): readonly ItemAnswer[] | undefined {
  try {
    const { items } = JSON.parse(body) as { items?: unknown }
    if (!Array.isArray(items)) return undefined
    return items.map((item: Record<string, ItemAnswer> | null) => Object.values(item ?? {})[0] ?? {})
  } catch {
    return undefined
  }
}

function reasonOf({ error }: ItemAnswer, status: number): string {
  const text = `${status} ${String(error?.type ?? '')}: ${String(error?.reason ?? '')}`
  return inOneLine(text).slice(0, MAX_REASON_CHARS)
}
