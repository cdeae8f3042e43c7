/**
 * Hands items to a server in batches: spans to Zipkin, lines to Elasticsearch. Taking an item costs a push and nothing waits
 * for the server; queue, batches, sends, tries and waits are bounded, and what is lost is counted.
 */
import { fullJitterMs } from '../core/backoff.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { everyMs, type Log } from '../core/log.ts'
import { createBoundedQueue } from './bounded-queue.ts'

/** What became of a batch. A send that throws is `refused` with the message. */
export type SendOutcome<T> =
  /** Taken, except `rejected` of them, which the server will never take. */
  | { readonly kind: 'taken'; readonly rejected?: number; readonly reason?: string }
  /** Not now, and another try can help: nothing was taken, or all but `items` and the `rejected` ones. */
  | {
      readonly kind: 'again'
      readonly reason: string
      readonly items?: readonly T[]
      readonly rejected?: number
      readonly retryAfterMs?: number | undefined
    }
  /** No further try. */
  | { readonly kind: 'refused'; readonly reason: string }

export interface BatchSenderOptions<T> {
  /** Who takes the batches, for the log: `zipkin (http://host:9411)`. No secrets. */
  readonly name: string
  /**
   * Encodes and sends a batch, and says what became of it. Long batches are to be encoded in slices (`encodeInSlices`).
   * @param signal aborted when the time is over; the answer does not count any more then
   */
  send(batch: readonly T[], signal: AbortSignal): Promise<SendOutcome<T>>
  /** About how many bytes an item takes. Cheap: it is asked on the hot path. */
  sizeOf(item: T): number
  /** Bound of what waits and what is on its way. @default 10000 */
  readonly maxItems?: number
  /** The same in bytes. @default 16 MiB */
  readonly maxBytes?: number
  /** What goes when it is full. @default 'oldest' */
  readonly drop?: 'newest' | 'oldest'
  /** A batch is sent at once when it has as many. @default 1000 */
  readonly batchItems?: number
  /** The same in bytes. @default 1 MiB */
  readonly batchBytes?: number
  /** The longest that an item waits for others. @default 1000 */
  readonly intervalMs?: number
  /** Sends at a time. One while the server does not take batches. @default 2 */
  readonly maxSends?: number
  /** For one try. @default 5000 */
  readonly timeoutMs?: number
  /** Tries of a batch in all. @default 5 */
  readonly maxTries?: number
  /** Upper bound of the first wait; doubled each time. @default 500 */
  readonly backoffMs?: number
  /** No wait is longer, not even one that the server asks for. @default 10000 */
  readonly maxBackoffMs?: number
}

export interface BatchSenderDeps {
  readonly clock: Clock
  readonly log: Log
  /** From 0 (inclusive) to 1 (exclusive). @default Math.random */
  readonly random?: () => number
}

export interface BatchSenderNumbers {
  /** Taken by the server. */
  readonly sent: number
  /** Never sent: the queue was full, or the process ended before. */
  readonly dropped: number
  /** Refused by the server, or sent in vain until no try was left. */
  readonly failed: number
  /** Waiting or on their way. */
  readonly queued: number
  readonly queuedBytes: number
}

export interface BatchSender<T> {
  /** Never throws and never waits. Full, or closed: something is dropped and counted. */
  take(item: T): void
  numbers(): BatchSenderNumbers
  /** Sends what is there, once and without waiting for anybody, and drops what is left after `withinMs`. @default 1000 */
  close(withinMs?: number): Promise<void>
}

interface Batch<T> {
  items: readonly T[]
  bytes: number
  tries: number
}

const WARN_EVERY_MS = 10_000

export function createBatchSender<T>(options: BatchSenderOptions<T>, deps: BatchSenderDeps): BatchSender<T> {
  const { clock, log } = deps
  const { batchItems = 1000, batchBytes = 1024 * 1024, intervalMs = 1000, maxSends = 2 } = options
  const { timeoutMs = 5000, maxTries = 5, backoffMs = 500, maxBackoffMs = 10_000 } = options
  const { maxItems = 10_000, maxBytes = 16 * 1024 * 1024, drop = 'oldest' } = options
  const backoff = { baseMs: backoffMs, maxMs: maxBackoffMs, ...(deps.random && { random: deps.random }) }
  const queue = createBoundedQueue<T>({ maxItems, maxBytes, drop })
  const warn = everyMs(clock, WARN_EVERY_MS)
  /** Batches that are to be tried again, the oldest first. They and those on their way count as queued. */
  const again: Batch<T>[] = []
  const sending = new Map<AbortController, Promise<void>>()
  let heldItems = 0
  let heldBytes = 0
  let sent = 0
  let failed = 0
  let lost = 0
  let faults = 0
  let timer: Timer | undefined
  let dueMs = Number.POSITIVE_INFINITY
  let notBeforeMs = Number.NEGATIVE_INFINITY
  /** Something that was due stayed behind because all sends were taken. */
  let overdue = false
  let closing = false
  let closed = false
  let whenIdle: (() => void) | undefined

  /** Looks at the queue then, or earlier where that was asked for before. */
  function lookIn(delayMs: number): void {
    const atMs = clock.now() + delayMs
    if (atMs >= dueMs) return
    timer?.cancel()
    dueMs = atMs
    timer = clock.after(delayMs, () => {
      timer = undefined
      dueMs = Number.POSITIVE_INFINITY
      flush()
    })
  }

  function flush(): void {
    const waitMs = notBeforeMs - clock.now()
    if (waitMs > 0 && !closing) {
      lookIn(waitMs)
      return
    }
    while (hasRoom()) {
      const batch = again.shift() ?? nextBatch()
      if (batch === undefined) break
      const controller = new AbortController()
      sending.set(controller, sendOne(batch, controller))
    }
    overdue = queue.items > 0
    if (closing && sending.size === 0) whenIdle?.()
  }

  function hasRoom(): boolean {
    return sending.size < (faults > 0 && !closing ? 1 : maxSends)
  }

  function isFull(): boolean {
    return queue.items >= batchItems || queue.bytes >= batchBytes
  }

  function nextBatch(): Batch<T> | undefined {
    if (queue.items === 0) return undefined
    const { items, bytes } = queue.shift(batchItems, batchBytes)
    heldItems += items.length
    heldBytes += bytes
    return { items, bytes, tries: 0 }
  }

  async function sendOne(batch: Batch<T>, controller: AbortController): Promise<void> {
    batch.tries++
    let expire: Timer | undefined
    const expired = new Promise<SendOutcome<T>>((resolve) => {
      // What has begun may have arrived: no second try.
      const refuse = (reason: string) => resolve({ kind: 'refused', reason })
      controller.signal.addEventListener('abort', () => refuse('the process ends'))
      expire = clock.after(timeoutMs, () => {
        refuse(`no answer within ${timeoutMs} ms`)
        controller.abort()
      })
    })
    const outcome = await Promise.race([tryToSend(batch.items, controller.signal), expired])
    expire?.cancel()
    sending.delete(controller)
    settle(batch, outcome)
    if (closed) return
    if (overdue || again.length > 0 || closing || isFull()) flush()
    else if (queue.items > 0 && timer === undefined) lookIn(intervalMs)
  }

  async function tryToSend(items: readonly T[], signal: AbortSignal): Promise<SendOutcome<T>> {
    try {
      return await options.send(items, signal)
    } catch (thrown) {
      return { kind: 'refused', reason: thrown instanceof Error ? thrown.message : String(thrown) }
    }
  }

  function settle(batch: Batch<T>, outcome: SendOutcome<T>): void {
    const total = batch.items.length
    if (outcome.kind === 'taken') {
      const { rejected = 0 } = outcome
      sent += total - rejected
      failed += rejected
      release(batch)
      faults = 0
      notBeforeMs = Number.NEGATIVE_INFINITY
      if (rejected > 0) complain(`refuses ${rejected} of ${total}: ${outcome.reason ?? 'without saying why'}`)
      return
    }
    if (outcome.kind === 'refused') {
      failed += total
      release(batch)
    } else {
      const { items: left = batch.items, rejected = 0 } = outcome
      sent += total - left.length - rejected
      failed += rejected
      if (batch.tries < maxTries && left.length > 0 && !closing) retry(batch, left)
      else {
        failed += left.length
        release(batch)
      }
    }
    notBeforeMs = clock.now() + pauseMs(outcome)
    faults++
    complain(outcome.reason)
  }

  function retry(batch: Batch<T>, left: readonly T[]): void {
    const bytes = Math.ceil((batch.bytes * left.length) / batch.items.length)
    heldItems -= batch.items.length - left.length
    heldBytes -= batch.bytes - bytes
    again.push({ items: left, bytes, tries: batch.tries })
  }

  function release(batch: Batch<T>): void {
    heldItems -= batch.items.length
    heldBytes -= batch.bytes
  }

  function pauseMs(outcome: SendOutcome<T>): number {
    const asked = outcome.kind === 'again' ? outcome.retryAfterMs : undefined
    // Jitter also where a wait was asked for: all processes were told the same.
    const jitterMs = fullJitterMs(faults, backoff)
    return Math.min(maxBackoffMs, asked === undefined ? jitterMs : asked + jitterMs)
  }

  function complain(reason: string): void {
    warn(() => {
      const { dropped, queued } = numbers()
      log.warn(`${options.name}: ${reason} (${failed} failed, ${dropped} dropped, ${queued} waiting)`)
    })
  }

  function numbers(): BatchSenderNumbers {
    const queued = queue.items + heldItems
    return { sent, failed, dropped: queue.dropped + lost, queued, queuedBytes: queue.bytes + heldBytes }
  }

  return {
    take(item) {
      if (closing) {
        lost++
        return
      }
      queue.push(item, options.sizeOf(item), heldItems, heldBytes)
      if (timer === undefined) lookIn(intervalMs)
      if (isFull() && hasRoom() && clock.now() >= notBeforeMs) lookIn(0)
    },
    numbers,
    async close(withinMs = 1000) {
      if (closing) return
      closing = true
      timer?.cancel()
      const idle = new Promise<void>((resolve) => {
        whenIdle = resolve
      })
      let over: Timer | undefined
      const late = new Promise<void>((resolve) => {
        over = clock.after(withinMs, resolve)
      })
      flush()
      await Promise.race([idle, late])
      over?.cancel()
      closed = true
      const running = [...sending.values()]
      for (const controller of sending.keys()) controller.abort()
      await Promise.all(running)
      for (const batch of again.splice(0)) {
        lost += batch.items.length
        release(batch)
      }
      queue.clear()
    },
  }
}
