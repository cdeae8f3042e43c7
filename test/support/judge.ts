/**
 * The judge: reads what clients sent and got, and what nodes ran, and says what was lost, run twice, slow or mixed up.
 * Pure, so that its own tests can prove that it turns red.
 */

/** One request as its client saw it. */
export interface Sent {
  readonly id: string
  readonly method: 'GET' | 'POST'
  /** Since the load began. */
  readonly sentMs: number
  /** From sending to the whole answer; undefined: none came. */
  readonly tookMs: number | undefined
  /** 0 without an answer. */
  readonly status: number
  /** The id in the answer. */
  readonly echoed: string | undefined
  /** The node in the answer. */
  readonly node: string | undefined
  /** Why there is no right answer, for the reader. */
  readonly error: string | undefined
}

/** One run of a handler as its node wrote it down. */
export interface Executed {
  readonly id: string
  readonly node: string
  readonly atMs: number
}

export interface Verdict {
  readonly sent: number
  /** Not the right answer (status 200 with its own id) within `lostAfterMs`. */
  readonly lost: readonly Sent[]
  /** Ids of requests that are not idempotent and ran more than once. */
  readonly twice: readonly string[]
  /** Answered rightly, after `slowMs`. */
  readonly slow: readonly Sent[]
  /** Answers that carried another's id. */
  readonly crossTalk: readonly Sent[]
  /** Ids that ran and nobody sent. */
  readonly strangers: readonly string[]
  /** Right answers by node. */
  readonly byNode: Readonly<Record<string, number>>
  /** (most − least) / mean of the right answers by node; 0 is even. */
  readonly spread: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface JudgeOptions {
  /** @default 10000 */
  readonly lostAfterMs?: number
  /** @default 1000 */
  readonly slowMs?: number
}

export function judge(history: readonly Sent[], executed: readonly Executed[], options: JudgeOptions = {}): Verdict {
  const lostAfterMs = options.lostAfterMs ?? 10_000
  const slowMs = options.slowMs ?? 1000
  const right = (it: Sent): boolean =>
    it.status === 200 && it.echoed === it.id && it.tookMs !== undefined && it.tookMs <= lostAfterMs

  const methods = new Map(history.map((it) => [it.id, it.method]))
  const runs = new Map<string, number>()
  for (const it of executed) runs.set(it.id, (runs.get(it.id) ?? 0) + 1)

  const good = history.filter(right)
  const byNode: Record<string, number> = {}
  for (const it of good) byNode[it.node ?? '?'] = (byNode[it.node ?? '?'] ?? 0) + 1
  const counts = Object.values(byNode)
  const times = good.map((it) => it.tookMs as number).sort((a, b) => a - b)
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0

  return {
    sent: history.length,
    lost: history.filter((it) => !right(it)),
    twice: [...runs].flatMap(([id, count]) => (count > 1 && methods.get(id) === 'POST' ? [id] : [])),
    slow: good.filter((it) => (it.tookMs as number) > slowMs),
    crossTalk: history.filter((it) => it.echoed !== undefined && it.echoed !== it.id),
    strangers: [...runs.keys()].filter((id) => !methods.has(id)),
    byNode,
    spread: counts.length < 1 ? 0 : (Math.max(...counts) - Math.min(...counts)) / (good.length / counts.length),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  }
}

/** The verdict in a few lines, for the message of a failed test. */
export function toText(verdict: Verdict): string {
  const why = new Map<string, number>()
  for (const it of verdict.lost) {
    // Without what differs from one to the next.
    const error = (it.error ?? `status ${it.status}`).replace(/"traceId":"?[0-9a-f]*"?/, '"traceId":…')
    const key = `${it.method} ${error}`
    why.set(key, (why.get(key) ?? 0) + 1)
  }
  return [
    `sent ${verdict.sent}, lost ${verdict.lost.length}, twice ${verdict.twice.length}, slow ${verdict.slow.length}`,
    `cross-talk ${verdict.crossTalk.length}, strangers ${verdict.strangers.length}`,
    `p50 ${verdict.p50Ms.toFixed(1)} ms, p99 ${verdict.p99Ms.toFixed(1)} ms, max ${verdict.maxMs.toFixed(1)} ms`,
    `by node ${JSON.stringify(verdict.byNode)}`,
    ...[...why].slice(0, 8).map(([key, count]) => `lost: ${count} × ${key}`),
    ...verdict.lost.slice(0, 3).map((it) => `first lost: ${it.id} at ${it.sentMs.toFixed(0)} ms`),
  ].join('\n')
}
