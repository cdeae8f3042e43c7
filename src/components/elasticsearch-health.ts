/** Whether an Elasticsearch can be used, by what its client meets anyway, and by a ping where it meets nothing. */
import type { Client } from '@elastic/elasticsearch'
import { atMost } from '../core/bounded.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { Presence, reasonOf } from './presence.ts'

export interface ElasticsearchHealth {
  /** Asks it now. Rejects with why it cannot be used. */
  ask(): Promise<void>
  away(): string | undefined
  /** Resolves when nothing is in progress, or that time is over. */
  idle(withinMs: number): Promise<void>
  stop(): void
}

export interface HealthDeps {
  /** `host:9200, host:9200`. */
  readonly shown: string
  readonly clock: Clock
  readonly log: Log
}

/** Without requests it is asked so often … */
const IDLE_MS = 10_000
/** … and while it is away. */
const AWAY_MS = 2000
const PING_MS = 2000
/** Of the server itself, or of a proxy before it: it is not there now. */
const NOT_THERE: ReadonlySet<number> = new Set([502, 503, 504])

interface Failed extends Error {
  readonly statusCode?: number | undefined
}

export function watchHealth(client: Client, { shown, clock, log }: HealthDeps): ElasticsearchHealth {
  const presence = new Presence(shown, { clock, log })
  const inProgress = new Set<unknown>()
  const idle: (() => void)[] = []
  let heardMs = Number.NEGATIVE_INFINITY
  let timer: Timer | undefined
  let stopped = false

  // Told for each request, its retries included: the same one more than once.
  client.diagnostic.on('request', (error, result) => {
    if (error === null) inProgress.add(result?.meta)
  })
  client.diagnostic.on('response', (error, result) => {
    inProgress.delete(result?.meta)
    if (inProgress.size === 0) for (const resolve of idle.splice(0)) resolve()
    heard(error as Failed | null, result?.meta.request.params.path === '/')
  })

  function heard(error: Failed | null, isPing: boolean): void {
    // A request that its caller gave up says nothing, and one that takes long may be a long one.
    if (error?.name === 'RequestAbortedError' || (error?.name === 'TimeoutError' && !isPing)) return
    heardMs = clock.now()
    // Whoever says no is there.
    const isThere = error === null || (error.name === 'ResponseError' && !NOT_THERE.has(error.statusCode ?? 0))
    if (isThere) presence.back()
    else presence.lost(reasonOf(error))
  }

  async function ask(): Promise<void> {
    const isThere = await client.ping({}, { requestTimeout: PING_MS, maxRetries: 0 })
    if (!isThere) throw new Error('404: something else answers there')
  }

  function look(): void {
    if (stopped) return
    const isDue = presence.failure !== undefined || clock.now() - heardMs >= IDLE_MS
    const asked = isDue ? ask().catch(() => {}) : Promise.resolve()
    void asked.then(() => {
      if (!stopped) timer = clock.after(presence.failure === undefined ? IDLE_MS : AWAY_MS, look)
    })
  }
  timer = clock.after(AWAY_MS, look)

  return {
    ask,
    away: () => presence.away(),
    async idle(withinMs) {
      if (inProgress.size > 0) await atMost(clock, withinMs, new Promise<void>((resolve) => idle.push(resolve)))
    },
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}
