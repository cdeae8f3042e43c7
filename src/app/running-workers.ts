/** All worker processes that run: what each is told to do, and what goes from one to the others. */
import type { Server } from 'node:net'
import { atMost, sleep } from '../core/bounded.ts'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { ProcessLog } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import { WorkerMetrics } from './worker-metrics.ts'
import { WorkerNumbers } from './worker-numbers.ts'
import type { Sharing, StartWorker, WorkerProcess } from './worker-process.ts'
import type { Evidence, OpenOrder, Orders } from './worker-protocol.ts'

export interface WorkersDeps {
  readonly count: number
  /** The gateway's file, which each of them loads. */
  readonly file: string
  readonly sharing: Sharing
  readonly start: StartWorker
  readonly clock: Clock
  readonly log: ProcessLog
  /** In force now. */
  settings(): Settings
  /** What those who are to serve begin with; undefined while there is nothing to serve yet. */
  order(): OpenOrder | undefined
  /** A worker found hard evidence. */
  evidence(evidence: Evidence): void
  gather: (input: undefined) => ReturnType<WorkerNumbers['gather']>
  /** Whether numbers of the node of that name are still of interest. @default yes */
  showsNode?(name: string): boolean
}

/** Where they listen. */
export interface Place {
  readonly port: number
  readonly host: string | undefined
}

/** For what each of them closes at its end. */
const CLOSE_MS = 1500

/** A server as it is received; its type does not tell this part. */
type Received = Server & { pauseOnConnect?: boolean }

export class RunningWorkers {
  readonly numbers: WorkerNumbers
  readonly metrics: WorkerMetrics
  readonly #deps: WorkersDeps
  readonly #ended: (worker: WorkerProcess, how: string) => void
  readonly #running = new Set<WorkerProcess>()
  /** These get what changes: they have had what was there before. */
  readonly #following = new Set<WorkerProcess>()
  readonly #leaving = new WeakSet<WorkerProcess>()
  /** Who is to get the listener of a worker that leaves. */
  readonly #heirs = new Map<WorkerProcess, (server: Server) => void>()
  readonly #killAll = (): void => {
    for (const worker of this.#running) worker.kill()
  }

  /** @param ended told of each that has ended, however */
  constructor(deps: WorkersDeps, ended: (worker: WorkerProcess, how: string) => void) {
    this.#deps = deps
    this.#ended = ended
    this.metrics = new WorkerMetrics((name) => deps.showsNode?.(name) ?? true)
    this.numbers = new WorkerNumbers({
      clock: deps.clock,
      silent(worker) {
        deps.log.error(`worker (pid ${worker.pid}) gave no sign of life for too long and is killed`)
        worker.kill()
      },
    })
    // Whatever ends this process, by mistake too, takes them along.
    process.once('exit', this.#killAll)
  }

  has(worker: WorkerProcess): boolean {
    return this.#running.has(worker)
  }

  leaves(worker: WorkerProcess): boolean {
    return this.#leaving.has(worker)
  }

  all(): readonly WorkerProcess[] {
    return [...this.#running]
  }

  /** Tells all that serve, but for the one that it comes from. */
  tell<K extends keyof Orders>(name: K, input: Parameters<Orders[K]>[0], from?: WorkerProcess): void {
    for (const worker of this.#following) if (worker !== from) worker.channel.tell(name, input)
  }

  /** A new process, with the gateway's file loaded. */
  async load(index: number): Promise<WorkerProcess> {
    const { start, log, evidence, gather, file, settings, count } = this.#deps
    const worker: WorkerProcess = start(index, {
      log: ({ level, message, fields }) => log[level](message, fields),
      access: (entries) => {
        for (const entry of entries) log.access(entry)
      },
      evidence: (found) => {
        this.tell('evidence', found, worker)
        evidence(found)
      },
      gather,
      listener: (_, handle) => {
        if (handle !== undefined && 'listen' in handle) this.#heirs.get(worker)?.(handle)
      },
      last: ({ metrics, ...report }) => {
        this.numbers.take(worker, report)
        this.metrics.take(worker, metrics)
      },
    })
    this.#running.add(worker)
    this.numbers.add(worker)
    this.metrics.add(worker)
    worker.exited.then((how) => {
      this.numbers.remove(worker)
      this.metrics.remove(worker)
      this.#running.delete(worker)
      this.#following.delete(worker)
      this.#ended(worker, how)
    })
    await orKilled(worker, worker.channel.ask('load', { file, settings: settings(), share: { index, of: count } }))
    return worker
  }

  /** It serves what its listener accepts. */
  async open(worker: WorkerProcess): Promise<void> {
    const order = this.#deps.order()
    if (order === undefined) return
    // They may have changed since it was started.
    worker.channel.tell('settings', this.#deps.settings())
    const opened = worker.channel.ask('open', order)
    this.#following.add(worker)
    await orKilled(worker, opened)
  }

  async listen(worker: WorkerProcess, { port, host }: Place, from?: Server): Promise<void> {
    const reusePort = this.#deps.sharing === 'reuse-port'
    // The other process has a descriptor of its own once it is sent.
    const options = from ? { handle: from, sent: () => void from.close() } : {}
    await orKilled(worker, worker.channel.ask('listen', { port, host, reusePort }, options))
  }

  /** A listener that is closed takes along who waits to be accepted, so it is not closed: it changes hands. */
  async handOver(old: WorkerProcess, fresh: WorkerProcess, place: Place): Promise<void> {
    const taken = new Promise<void>((resolve, reject) => {
      this.#heirs.set(old, (server: Received) => {
        // It listens here too until it is sent on.
        server.pauseOnConnect = true
        server.on('connection', (socket) => fresh.channel.tell('connection', undefined, socket))
        this.listen(fresh, place, server).then(resolve, reject)
      })
    })
    taken.catch(() => {})
    try {
      await old.channel.ask('handOver', undefined)
      await taken
    } catch (error) {
      // With the one that had it the listener has gone.
      if (GomsError.from(error).code !== 'UNAVAILABLE') throw error
      await this.listen(fresh, place)
    } finally {
      this.#heirs.delete(old)
    }
  }

  /** Resolves when it has gone, or its clients have had time to go: what is left is its own, and bounded. */
  async retire(old: WorkerProcess): Promise<void> {
    const { clock, settings } = this.#deps
    const { drainMs, terminationGraceMs } = settings()
    this.#leaving.add(old)
    old.channel.tell('retire', { drainMs, graceMs: Math.max(0, terminationGraceMs - 2 * CLOSE_MS) })
    const late = clock.after(terminationGraceMs, () => old.kill())
    old.exited.then(() => late.cancel())
    await Promise.race([old.exited, sleep(clock, drainMs)])
  }

  /** Resolves when nothing is in progress at any of them. */
  async idle(boundMs: number): Promise<void> {
    await Promise.allSettled(this.all().map((worker) => worker.channel.ask('idle', undefined, { boundMs })))
  }

  /** Ends all, with what is in flight at most that long. */
  async close(timeoutMs: number): Promise<void> {
    const ends = this.all().map((worker) => worker.exited)
    for (const worker of this.#running) worker.channel.tell('close', timeoutMs)
    await atMost(this.#deps.clock, timeoutMs + CLOSE_MS, Promise.all(ends))
    this.#killAll()
    await Promise.all(ends)
    this.numbers.close()
    process.off('exit', this.#killAll)
  }
}

/** One that does not do what it was asked for is of no use. */
async function orKilled(worker: WorkerProcess, work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    worker.kill()
    throw error
  }
}
