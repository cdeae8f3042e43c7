/** What is known of the numbers of a gateway's workers: looked at all the time, gathered when somebody asks. */
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { type ClusterStats, sumStats } from '../gateway/cluster.ts'
import type { WorkerProcess } from './worker-process.ts'
import type { StatsList, WorkerReport } from './worker-protocol.ts'

/** Status pages show numbers that are as old as that. */
const LOOK_MS = 500
/** While somebody waits for connections to go. */
const HURRIED_LOOK_MS = 50
/** A worker that says nothing for so long serves nobody either. */
const SILENT_MS = 30_000
/** For those who ask for the sums; who is busy then is left out. */
const GATHER_MS = 200

export const NOTHING: WorkerReport = { connections: 0, inFlight: 0, sessions: 0, stats: [] }

export interface NumbersDeps {
  readonly clock: Clock
  /** A worker has been silent for too long. */
  silent(worker: WorkerProcess): void
}

/** What `/cluster` shows of one service's numbers. */
export interface Gathered {
  readonly stats: StatsList
  /** Not all answered in time: theirs are as they were last heard. */
  readonly partial: boolean
}

export class WorkerNumbers {
  readonly #deps: NumbersDeps
  readonly #reports = new Map<WorkerProcess, WorkerReport>()
  readonly #asking = new Set<WorkerProcess>()
  /** Calls that were answered by workers that have ended. */
  readonly #past = new Map<string, number>()
  #timer: Timer | undefined
  #lookMs = LOOK_MS
  #unsure = false
  #gathering: Promise<boolean> | undefined

  constructor(deps: NumbersDeps) {
    this.#deps = deps
  }

  add(worker: WorkerProcess): void {
    this.#reports.set(worker, NOTHING)
    this.#timer ??= this.#deps.clock.after(this.#lookMs, () => this.#look())
  }

  /** What it said at its end, or now and then. */
  take(worker: WorkerProcess, report: WorkerReport): void {
    if (this.#reports.has(worker)) this.#reports.set(worker, report)
  }

  /** It has ended: what it counted stays counted. */
  remove(worker: WorkerProcess): void {
    for (const [service, { requestFinish }] of this.of(worker).stats) {
      this.#past.set(service, (this.#past.get(service) ?? 0) + requestFinish)
    }
    this.#reports.delete(worker)
  }

  of(worker: WorkerProcess): WorkerReport {
    return this.#reports.get(worker) ?? NOTHING
  }

  sum(key: Exclude<keyof WorkerReport, 'stats'>): number {
    let sum = 0
    for (const report of this.#reports.values()) sum += report[key]
    return sum
  }

  /** Open ones; never 0 after `hurry` until all have said so. */
  connections(): number {
    const sum = this.sum('connections')
    return this.#unsure ? Math.max(1, sum) : sum
  }

  /** They are about to leave: from now on they are looked at often. */
  hurry(): void {
    this.#unsure = true
    this.#askAll().then(() => {
      this.#unsure = false
    })
    this.#lookMs = HURRIED_LOOK_MS
    this.#timer?.cancel()
    this.#look()
  }

  close(): void {
    this.#timer?.cancel()
  }

  /** The numbers of all by service, `own` of this process among them. */
  async gather(own: StatsList, nodes: (service: string) => number): Promise<Gathered> {
    // Whoever asks meanwhile gets the same: a page that many read is gathered once at a time.
    this.#gathering ??= this.#askAll().finally(() => {
      this.#gathering = undefined
    })
    const partial = await this.#gathering
    const lists = [own, ...[...this.#reports.values()].map((report) => report.stats)]
    const all = new Map<string, ClusterStats[]>()
    for (const [service, stats] of lists.flat()) all.set(service, [...(all.get(service) ?? []), stats])
    const summed = [...all].map(([service, some]) => {
      const { pollNext, requestFinish } = sumStats(some, nodes(service))
      return [service, { pollNext, requestFinish: requestFinish + (this.#past.get(service) ?? 0) }] as const
    })
    return { stats: summed, partial }
  }

  /** Resolves to whether somebody gave no answer. */
  async #askAll(): Promise<boolean> {
    const answers = [...this.#reports.keys()].map(async (worker) => {
      try {
        this.take(worker, await worker.channel.ask('report', undefined, { boundMs: GATHER_MS }))
        return true
      } catch {
        return false
      }
    })
    return (await Promise.all(answers)).includes(false)
  }

  #look(): void {
    for (const worker of this.#reports.keys()) if (!this.#asking.has(worker)) void this.#ask(worker)
    this.#timer = this.#deps.clock.after(this.#lookMs, () => this.#look())
  }

  async #ask(worker: WorkerProcess): Promise<void> {
    this.#asking.add(worker)
    try {
      this.take(worker, await worker.channel.ask('report', undefined, { boundMs: SILENT_MS }))
    } catch (error) {
      if (GomsError.from(error).code === 'DEADLINE_EXCEEDED' && this.#reports.has(worker)) this.#deps.silent(worker)
    } finally {
      this.#asking.delete(worker)
    }
  }
}
