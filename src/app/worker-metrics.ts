/** The metrics of a gateway's workers: asked of them when somebody wants the page, and kept of those that have ended. */
import {
  lasting,
  type MetricsSnapshot,
  mergeSnapshots,
  type ProcessSnapshot,
  withoutValues,
} from '../telemetry/metrics-snapshot.ts'
import type { WorkerProcess } from './worker-process.ts'

/** For all of them together; who is busy then is shown as it was last heard. */
const GATHER_MS = 1000

export class WorkerMetrics {
  readonly #showsNode: (name: string) => boolean
  /** What each said last. */
  readonly #heard = new Map<WorkerProcess, MetricsSnapshot>()
  /** What those counted that have ended: numbers that only rise must not go back. */
  #past: MetricsSnapshot = []
  #gathering: Promise<readonly ProcessSnapshot[]> | undefined

  /** @param showsNode whether numbers of that node are still of interest */
  constructor(showsNode: (name: string) => boolean) {
    this.#showsNode = showsNode
  }

  add(worker: WorkerProcess): void {
    this.#heard.set(worker, [])
  }

  take(worker: WorkerProcess, metrics: MetricsSnapshot): void {
    if (this.#heard.has(worker)) this.#heard.set(worker, metrics)
  }

  /** It has ended: what it counted stays counted. */
  remove(worker: WorkerProcess): void {
    const families = lasting(this.#heard.get(worker) ?? [])
    this.#heard.delete(worker)
    this.#past = mergeSnapshots([
      { process: undefined, families: this.#past },
      { process: undefined, families },
    ])
  }

  /** Whoever asks meanwhile gets the same. */
  gather(): Promise<readonly ProcessSnapshot[]> {
    this.#gathering ??= this.#gather().finally(() => {
      this.#gathering = undefined
    })
    return this.#gathering
  }

  async #gather(): Promise<readonly ProcessSnapshot[]> {
    const asked = [...this.#heard.keys()].map(async (worker) => {
      this.take(worker, await worker.channel.ask('metrics', undefined, { boundMs: GATHER_MS }))
    })
    await Promise.allSettled(asked)
    this.#past = withoutValues(this.#past, 'node', (node) => !this.#showsNode(node))
    const names = new Set<string>()
    // Two of one place while one is replaced: the name belongs to the younger.
    const living = [...this.#heard].reverse().map(([{ index, pid }, families]) => {
      const place = String(index + 1)
      const process = names.has(place) ? `${place}-${pid}` : place
      names.add(process)
      return { process, families }
    })
    return [{ process: undefined, families: this.#past }, ...living.reverse()]
  }
}
