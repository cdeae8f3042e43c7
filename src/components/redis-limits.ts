/**
 * Limits that a project shares, counted in Redis: one command for each call. Where Redis is away, late or refuses, nobody asks
 * it until it has answered a probe: calls pay for that at most once.
 */
import { fullJitterMs } from '../core/backoff.ts'
import { atMost } from '../core/bounded.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { everyMs, type Log, silentLog } from '../core/log.ts'
import type { SharedRate } from '../core/options.ts'
import { toRedisAddress } from '../core/redis-address.ts'
import type { Asking, SharedLimits } from '../resilience/shared-limits.ts'
import { LIMIT_SCRIPT, limitArguments, limitKey } from './limit-script.ts'
import { openRedis, type RedisConnection } from './redis-connection.ts'
import { type Commands, isUnknownScript, runScript } from './redis-script.ts'

export interface RedisLimits extends SharedLimits {
  /** Resolves once it can be asked, or `withinMs` are over. */
  opened(withinMs: number): Promise<void>
  close(): Promise<void>
}

export interface RedisLimitsDeps {
  readonly project: string
  readonly clock: Clock
  readonly log: Log
  readonly random?: () => number
}

/** Calls that wait for an answer; what is beyond goes on without one. */
const MAX_ASKING = 10_000
/** A connection that stands still is given up after so long; calls have gone on long before. */
const SILENT_MS = 2000
const PROBES = { baseMs: 100, maxMs: 2000 } as const
const LEAST_WAIT_MS = 20
/** What a probe may take, where no call has said what it waits for. */
const PROBE_MS = 50
const SAY_EVERY_MS = 10_000
const CLOSE_MS = 200

/** @throws GomsError GOMS_CONFIG_INVALID for an address that is none, GOMS_PEER_MISSING */
export async function openRedisLimits(redisAddr: string, deps: RedisLimitsDeps): Promise<RedisLimits> {
  const address = toRedisAddress(redisAddr)
  let limits: CountedInRedis | undefined
  const connection = await openRedis(
    {
      address,
      timeoutMs: SILENT_MS,
      maxPending: MAX_ASKING + 100,
      neededBy: 'a limiter that is shared',
      back: () => limits?.probe(),
    },
    // It says what matters itself: what becomes of calls.
    { ...deps, log: silentLog },
  )
  limits = new CountedInRedis(connection, address.shown, deps)
  return limits
}

class CountedInRedis implements RedisLimits {
  readonly #connection: RedisConnection
  readonly #client: Commands
  readonly #shown: string
  readonly #deps: RedisLimitsDeps
  readonly #say: (say: () => void) => void
  readonly #commands = new Map<string, { readonly limit: SharedRate; readonly command: readonly string[] }>()
  #asking = 0
  /** Why it is not asked; undefined: it is. */
  #why: string | undefined = 'it has not answered yet'
  #wasAway = false
  #boundMs = PROBE_MS
  #probes = 0
  #probing = false
  #timer: Timer | undefined
  #closed = false
  #waiting: (() => void)[] = []

  constructor(connection: RedisConnection, shown: string, deps: RedisLimitsDeps) {
    this.#connection = connection
    this.#client = connection.client
    this.#shown = shown
    this.#deps = deps
    this.#say = everyMs(deps.clock, SAY_EVERY_MS)
    if (connection.away() === undefined) this.probe()
  }

  ask(service: string, action: string, limit: SharedRate, asking: Asking): number {
    if (this.#why !== undefined || this.#asking >= MAX_ASKING) return 0
    this.#asking++
    this.#send(this.#commandOf(service, action, limit), asking)
    return limit.timeoutMs
  }

  missed(service: string, action: string, { onError, timeoutMs }: SharedRate, late: boolean): void {
    if (late) this.#lost(`no answer within ${timeoutMs} ms`, timeoutMs)
    this.#wasAway = true
    this.#say(() => {
      const why = this.#connection.away() ?? `${this.#shown}: ${this.#why ?? `${MAX_ASKING} calls wait for an answer`}`
      const what = onError === 'open' ? 'let through' : 'refused'
      this.#deps.log.warn(
        `limiter: nobody counts (${why}); calls of ${service}/${action}, and maybe others, are ${what}`,
      )
    })
  }

  async opened(withinMs: number): Promise<void> {
    if (this.#why === undefined) return
    await atMost(this.#deps.clock, withinMs, new Promise<void>((resolve) => this.#waiting.push(resolve)))
  }

  /** Asks it for what nobody needs: all that an answer takes is tried, and the script is known to it from then on. */
  probe(): void {
    this.#timer?.cancel()
    if (this.#closed || this.#probing || this.#why === undefined || this.#connection.away() !== undefined) return
    this.#probing = true
    const { clock, project } = this.#deps
    const startedMs = clock.now()
    const args = limitArguments(limitKey(project, '', 'probe'), { calls: 1, perMs: 1 })
    runScript(this.#client, LIMIT_SCRIPT, args)
      .then(
        () => (clock.now() - startedMs <= this.#boundMs || this.#probes === 0 ? this.#found() : undefined),
        (error: Error) => {
          this.#why = error.message
        },
      )
      .finally(() => {
        this.#probing = false
        this.#probeLater()
      })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#connection.close(CLOSE_MS)
  }

  #commandOf(service: string, action: string, limit: SharedRate): readonly string[] {
    const name = `${service}/${action}`
    const known = this.#commands.get(name)
    if (known?.limit.calls === limit.calls && known.limit.perMs === limit.perMs) return known.command
    const key = limitKey(this.#deps.project, service, action)
    const command = ['EVALSHA', LIMIT_SCRIPT.sha, ...limitArguments(key, limit)]
    this.#commands.set(name, { limit, command })
    return command
  }

  #send(command: readonly string[], asking: Asking): void {
    this.#client.sendCommand(command).then(
      (answer) => {
        this.#asking--
        asking.answered(Number(answer))
      },
      (error: Error) => {
        if (isUnknownScript(error) && command[0] === 'EVALSHA') {
          this.#send(['EVAL', LIMIT_SCRIPT.text, ...command.slice(2)], asking)
          return
        }
        this.#asking--
        this.#lost(error.message, this.#boundMs)
        asking.failed()
      },
    )
  }

  #lost(why: string, boundMs: number): void {
    if (this.#why !== undefined || this.#closed) return
    this.#why = why
    this.#boundMs = boundMs
    this.#probes = 1
    this.#probeLater()
  }

  #found(): void {
    this.#why = undefined
    this.#probes = 0
    if (this.#wasAway) this.#deps.log.info(`limiter: ${this.#shown} counts again`)
    this.#wasAway = false
    for (const tell of this.#waiting.splice(0)) tell()
  }

  #probeLater(): void {
    if (this.#why === undefined || this.#closed) return
    const { clock, random } = this.#deps
    const waitMs = LEAST_WAIT_MS + fullJitterMs(this.#probes++, random === undefined ? PROBES : { ...PROBES, random })
    this.#timer?.cancel()
    this.#timer = clock.after(waitMs, () => this.probe())
  }
}
