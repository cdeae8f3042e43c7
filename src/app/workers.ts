/** The workers of a gateway, so many, serving: replaced when they end, and one after the other on demand. */
import { createServer } from 'node:net'
import type { Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Address } from '../core/node.ts'
import { listenOn } from '../transport/listen.ts'
import type { WorkerStatus } from './health.ts'
import { type Place, RunningWorkers, type WorkersDeps } from './running-workers.ts'
import type { WorkerProcess } from './worker-process.ts'

/** A worker that served for so long did not fail by its start: the next one is started at once. */
const STEADY_MS = 10_000
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 10_000

interface Slot {
  readonly index: number
  current: WorkerProcess | undefined
  servingSinceMs: number
  /** Ends in a row that came too soon. */
  failures: number
  waiting: Timer | undefined
  /** Somebody sees to it that it gets another one. */
  renewing: boolean
}

export class Workers {
  readonly running: RunningWorkers
  readonly #deps: WorkersDeps
  readonly #slots: readonly Slot[]
  #place: Place = { port: 0, host: undefined }
  #opened = false
  #closing = false
  #restarting: Promise<void> | undefined
  #again = false

  constructor(deps: WorkersDeps) {
    this.#deps = deps
    this.running = new RunningWorkers(deps, (worker, how) => this.#ended(worker, how))
    this.#slots = Array.from({ length: deps.count }, (_, index) => ({
      ...{ index, current: undefined, servingSinceMs: 0, failures: 0, waiting: undefined, renewing: false },
    }))
  }

  /** Starts them, bound to the port but with nobody behind it. @throws GomsError GOMS_PORT_IN_USE and the like */
  async listen(port: number, host: string | undefined): Promise<Address> {
    // Several may share the port, and so would a stranger of the same user: it has to be free before they do.
    const bound = await reserve(port, host)
    this.#place = { port: bound.port, host }
    await Promise.all(
      this.#slots.map(async (slot) => {
        slot.current = await this.running.load(slot.index)
        await this.running.listen(slot.current, this.#place)
      }),
    )
    return bound
  }

  /** All begin to serve. */
  async open(): Promise<void> {
    await Promise.all(this.#slots.map(({ current }) => current && this.running.open(current)))
    this.#opened = true
    for (const slot of this.#slots) slot.servingSinceMs = this.#deps.clock.now()
  }

  status(): readonly WorkerStatus[] {
    const all = [...this.running.all()].sort((a, b) => a.index - b.index)
    return all.map((worker) => {
      const { connections, inFlight, sessions } = this.running.numbers.of(worker)
      const serves = this.#opened && this.#slots[worker.index]?.current === worker
      const state = this.running.leaves(worker) ? 'leaving' : serves ? 'serving' : 'starting'
      return { worker: worker.index + 1, pid: worker.pid, state, connections, inFlight, sessions }
    })
  }

  /**
   * Replaces them, one after the other: the next one serves before the last one stops to accept. Where a new one does not
   * start it ends, with those that serve left alone. Asked again meanwhile, it begins again at its end.
   */
  restart(): Promise<void> {
    this.#again = this.#restarting !== undefined
    this.#restarting ??= this.#restartAll().finally(() => {
      this.#restarting = undefined
    })
    return this.#restarting
  }

  /** Ends all, with what is in flight at most that long. */
  async close(timeoutMs: number): Promise<void> {
    this.#closing = true
    for (const { waiting } of this.#slots) waiting?.cancel()
    await this.running.close(timeoutMs)
  }

  #ended(worker: WorkerProcess, how: string): void {
    const slot = this.#slots.find(({ current }) => current === worker)
    if (slot === undefined) return
    slot.current = undefined
    if (this.#closing || !this.#opened) return
    this.#deps.log.error(`worker ${slot.index + 1} (pid ${worker.pid}) ended: ${how}`)
    if (!slot.renewing) this.#renewSoon(slot)
  }

  /** At once, unless the last ones ended soon after their start. */
  #renewSoon(slot: Slot): void {
    const { clock, log } = this.#deps
    slot.failures = clock.now() - slot.servingSinceMs >= STEADY_MS ? 0 : slot.failures + 1
    const waitMs = slot.failures < 2 ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (slot.failures - 2))
    const name = `worker ${slot.index + 1}`
    if (waitMs > 0) log.error(`${name}: ended ${slot.failures} times in a row, the next one starts in ${waitMs} ms`)
    slot.waiting?.cancel()
    slot.waiting = clock.after(waitMs, () => {
      this.#renew(slot).catch((error) => {
        if (!this.#closing) log.error(`${name} did not start: ${GomsError.from(error).message}`)
      })
    })
  }

  /** Puts a new one in the place of the one that serves there, if any does; gives that one. */
  async #renew(slot: Slot): Promise<WorkerProcess | undefined> {
    slot.waiting?.cancel()
    slot.renewing = true
    let fresh: WorkerProcess | undefined
    try {
      fresh = await this.running.load(slot.index)
      await this.running.open(fresh)
      const old = slot.current
      if (old === undefined || this.#deps.sharing === 'cluster') await this.running.listen(fresh, this.#place)
      else await this.running.handOver(old, fresh, this.#place)
      if (!this.running.has(fresh)) throw new GomsError('UNAVAILABLE', 'it ended at once')
      slot.current = fresh
      slot.servingSinceMs = this.#deps.clock.now()
      return old
    } catch (error) {
      fresh?.kill()
      throw error
    } finally {
      slot.renewing = false
      if (slot.current === undefined && !this.#closing) this.#renewSoon(slot)
    }
  }

  async #restartAll(): Promise<void> {
    const { log } = this.#deps
    do {
      this.#again = false
      log.info(`workers: ${this.#slots.length} are restarted, one after the other`)
      for (const slot of this.#slots) {
        if (this.#closing) return
        try {
          const old = await this.#renew(slot)
          if (old !== undefined) await this.running.retire(old)
        } catch (error) {
          log.error(`workers: the restart ends at worker ${slot.index + 1}: ${GomsError.from(error).message}`)
          return
        }
      }
      log.info('workers: restarted')
    } while (this.#again)
  }
}

/** The address that the port is at, free. */
async function reserve(port: number, host: string | undefined): Promise<Address> {
  const server = createServer()
  const address = await listenOn(server, port, host)
  await new Promise((resolve) => server.close(resolve))
  return address
}
