/** Whether a node is ready, part by part, and why a part is not: for the admin listener. */
import type { Clock } from '../core/clock.ts'
import type { RegistryStatus } from '../registry/registry.ts'

/** One of a gateway's workers, as it reported within the last second. */
export interface WorkerStatus {
  /** From 1. */
  readonly worker: number
  readonly pid: number
  /** `starting`, `serving`, or `leaving`: replaced, and finishing what it has. */
  readonly state: 'starting' | 'serving' | 'leaving'
  readonly connections: number
  readonly inFlight: number
  readonly sessions: number
}

/** How far a node has come. It is ready in one of them only. */
export type Phase = 'joining' | 'starting' | 'registering' | 'ready' | 'leaving'

export interface Part {
  readonly name: 'node' | 'registry' | 'workers' | 'events' | `component ${string}`
  readonly ready: boolean
  /** Only where it is not ready. */
  readonly why?: string
}

const WHY: Readonly<Record<Exclude<Phase, 'ready'>, string>> = {
  joining: 'the registry has not been reached yet',
  starting: 'the application is starting',
  registering: 'its key is not in the registry yet',
  leaving: 'it is leaving: what is in progress is finished, nothing new is sent to it',
}

export class Health {
  #phase: Phase = 'joining'
  #sinceMs: number
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.now()
  }

  get ready(): boolean {
    return this.#phase === 'ready'
  }

  get leaving(): boolean {
    return this.#phase === 'leaving'
  }

  enter(phase: Phase): void {
    if (phase === this.#phase) return
    this.#phase = phase
    this.#sinceMs = this.#clock.now()
  }

  /**
   * @param registry undefined while it was not reached yet
   * @param workers of a gateway that has some
   * @param others components and events of the process
   */
  parts(
    registry: RegistryStatus | undefined,
    workers: readonly Pick<WorkerStatus, 'worker' | 'state'>[] | undefined,
    others: readonly Part[] = [],
  ): readonly Part[] {
    const parts: Part[] = [this.#node()]
    if (registry !== undefined) parts.push(registryPart(registry))
    if (workers !== undefined) parts.push(workersPart(workers))
    parts.push(...others)
    return parts
  }

  #node(): Part {
    if (this.#phase === 'ready') return { name: 'node', ready: true }
    return {
      name: 'node',
      ready: false,
      why: `${WHY[this.#phase]} (for ${Math.round(this.#clock.now() - this.#sinceMs)} ms)`,
    }
  }
}

/** A node serves on without it, so it stays ready as a whole. */
function registryPart({ connected, endpoint, ageMs }: RegistryStatus): Part {
  if (connected) return { name: 'registry', ready: true }
  const who = endpoint ?? 'the registry'
  const why = `${who} was last heard of ${Math.round(ageMs)} ms ago; calls go by the nodes known then`
  return { name: 'registry', ready: false, why }
}

function workersPart(workers: readonly Pick<WorkerStatus, 'worker' | 'state'>[]): Part {
  const waiting = workers.filter(({ state }) => state !== 'serving')
  if (waiting.length === 0 && workers.length > 0) return { name: 'workers', ready: true }
  const states = waiting.map(({ worker, state }) => `worker ${worker} is ${state}`)
  const why = workers.length === 0 ? 'none has been started yet' : states.join(', ')
  return { name: 'workers', ready: workers.length > waiting.length, why }
}
