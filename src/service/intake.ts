/** What a way in knows of itself: whether it takes calls, how many are in progress, and who waits for the last of them. */
import type { Clock } from '../core/clock.ts'
import type { ServiceDefinition } from './service.ts'
import type { Door } from './stack.ts'

export interface IntakeDeps {
  readonly definition: ServiceDefinition
  readonly nodeId: string
  /** Name that the node is registered under. */
  readonly service: string
  readonly clock: Clock
  /** Calls in progress over the other way in: `maxInFlight` counts both. */
  readonly alsoInFlight?: (() => number) | undefined
  /** Told once, when from now on everything is refused. */
  readonly refused?: () => void
}

/** One for each way in. It takes nothing until `start`. */
export class Intake implements Door {
  readonly target: string
  readonly maxInFlight: number
  started = false
  refusing = false
  closed = false
  inFlight = 0
  readonly #clock: Clock
  readonly #alsoInFlight: () => number
  readonly #refused: () => void
  readonly #waiting: (() => void)[] = []

  constructor({ definition, nodeId, service, clock, alsoInFlight, refused }: IntakeDeps) {
    this.target = `${service}/${nodeId}`
    this.maxInFlight = definition.maxInFlight ?? Number.POSITIVE_INFINITY
    this.#clock = clock
    this.#alsoInFlight = alsoInFlight ?? (() => 0)
    this.#refused = refused ?? (() => {})
  }

  get full(): boolean {
    return this.inFlight + this.#alsoInFlight() >= this.maxInFlight
  }

  start(): void {
    if (!this.closed) this.started = true
  }

  /** One call more is in progress; `leave` must follow. */
  enter(): void {
    this.inFlight++
  }

  leave(): void {
    this.inFlight--
    if (this.inFlight <= 0 && this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves when nothing is in progress; at once when nothing is. */
  idle(): Promise<void> {
    return this.inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** What arrives is served for another `serveForMs`, then refused as `draining`. A second call can only shorten it. */
  drain(serveForMs: number): void {
    if (serveForMs <= 0) this.#refuse()
    else this.#clock.after(serveForMs, () => this.#refuse())
  }

  /** Refuses what arrives from now on, for good. */
  close(): void {
    this.closed = true
    this.#refuse()
  }

  #refuse(): void {
    if (this.refusing) return
    this.refusing = true
    this.#refused()
  }
}
