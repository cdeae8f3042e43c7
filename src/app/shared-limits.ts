/** The limits of a process that its project shares. What speaks to Redis is loaded by the first route that has one. */
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { everyMs, type Log } from '../core/log.ts'
import type { Settings, SharedRate } from '../core/options.ts'
import type { Asking, SharedLimits } from '../resilience/shared-limits.ts'

export interface ProcessLimits extends SharedLimits {
  /**
   * Gets ready to be asked: connects, and waits for that a second at most. A Redis that is away does not keep a process from
   * starting.
   * @throws GomsError GOMS_CONFIG_INVALID without an address, GOMS_PEER_MISSING
   */
  open(): Promise<void>
  /** Calls so far that went on, or were refused, without an answer, by route. */
  unanswered(): Iterable<Unanswered>
  close(): Promise<void>
}

export interface Unanswered {
  readonly service: string
  readonly action: string
  readonly onError: SharedRate['onError']
  readonly calls: number
}

/** What counts, once it is loaded. */
interface Counting extends SharedLimits {
  opened(withinMs: number): Promise<void>
  close(): Promise<void>
}

interface Waiting {
  readonly service: string
  readonly action: string
  readonly limit: SharedRate
  readonly asking: Asking
}

/** The first calls wait so long, where nobody knew of their route when the process started. */
const FIRST_MS = 1000
/** No more of them wait. */
const MAX_WAITING = 1000
const SAY_EVERY_MS = 10_000

export function createProcessLimits({ redisAddr, project }: Settings, clock: Clock, log: Log): ProcessLimits {
  const say = everyMs(clock, SAY_EVERY_MS)
  const counts = new Map<string, { service: string; action: string; onError: SharedRate['onError']; calls: number }>()
  let counting: Counting | undefined
  let opening: Promise<Counting> | undefined
  /** Why it cannot be opened: it cannot until a restart. */
  let broken: Error | undefined
  let waiting: Waiting[] = []

  async function connect(): Promise<Counting> {
    if (redisAddr === undefined) throw noAddress('a limiter is shared by the project')
    const { openRedisLimits } = await import('../components/redis-limits.ts')
    const made = await openRedisLimits(redisAddr, { project, clock, log })
    await made.opened(FIRST_MS)
    return made
  }

  function opened(): Promise<Counting> {
    opening ??= connect().then(
      (made) => {
        counting = made
        for (const one of takeWaiting()) {
          if (made.ask(one.service, one.action, one.limit, one.asking) === 0) one.asking.failed()
        }
        return made
      },
      (thrown: Error) => {
        broken = thrown
        for (const { asking } of takeWaiting()) asking.failed()
        throw thrown
      },
    )
    return opening
  }

  function takeWaiting(): readonly Waiting[] {
    const all = waiting
    waiting = []
    return all
  }

  return {
    async open() {
      await opened()
    },
    ask(service, action, limit, asking) {
      if (counting !== undefined) return counting.ask(service, action, limit, asking)
      if (broken !== undefined || waiting.length >= MAX_WAITING) return 0
      waiting.push({ service, action, limit, asking })
      opened().catch(() => {})
      return Math.max(FIRST_MS, limit.timeoutMs)
    },
    missed(service, action, limit, late) {
      const { onError } = limit
      const name = `${service}/${action} ${onError}`
      const count = counts.get(name) ?? { service, action, onError, calls: 0 }
      counts.set(name, count)
      count.calls++
      if (counting !== undefined) counting.missed(service, action, limit, late)
      else if (broken !== undefined) {
        const what = onError === 'open' ? 'let through' : 'refused'
        const { message } = broken
        say(() => log.warn(`limiter: nobody counts (${message}); calls of ${service}/${action} are ${what}`))
      }
    },
    unanswered: () => counts.values(),
    async close() {
      broken ??= new Error('the process ends')
      await opening?.then((made) => made.close()).catch(() => {})
    },
  }
}

/** @param what that is shared */
export function noAddress(what: string): GomsError {
  return new GomsError('GOMS_CONFIG_INVALID', `${what}, and \`redisAddr\` is missing`, {
    detail: {
      found: 'no `redisAddr`',
      expected: 'the address of the Redis where it is counted',
      fix: [
        'set `redisAddr: host:6379` in configs/config.yml, or GOMS_REDIS_ADDR',
        "or limit it by node: limiter: '5/100'",
      ],
    },
  })
}
