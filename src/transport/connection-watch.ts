/** Looks after a connection's silence: asks a node that says nothing for a sign of life, and lets idle connections go. */
import type { Clock, Timer } from '../core/clock.ts'

export interface WatchLimits {
  /** Silence with requests waiting: after one it is asked, after two given up. */
  readonly silenceMs: number
  readonly idleMs: number
}

export interface Watched {
  /** Whether anything waits for an answer. */
  waiting(): boolean
  /** Bytes that the system has taken: a long upload that moves is a sign of life. */
  takenBytes(): number
  /** Sends a heartbeat. */
  beat(): void
  silent(silentMs: number): void
  idle(): void
}

/** Looks in one silence: it is exact to a quarter of it. */
const TICKS = 4
/** More than a heartbeat's frame. */
const HEARTBEAT_BYTES = 64

export class ConnectionWatch {
  /** Set by whoever reads. No time is taken on the way: only that something came since the last look. */
  heard = false
  readonly #clock: Clock
  readonly #limits: WatchLimits
  readonly #watched: Watched
  readonly #tickMs: number
  #timer: Timer | undefined
  #silentTicks = 0
  #idleTicks = 0
  #takenBytes = 0
  #asked = false

  constructor(clock: Clock, limits: WatchLimits, watched: Watched) {
    this.#clock = clock
    this.#limits = limits
    this.#watched = watched
    this.#tickMs = Math.min(limits.silenceMs, limits.idleMs) / TICKS
  }

  start(): void {
    this.#timer = this.#clock.after(this.#tickMs, () => {
      this.start()
      this.#look()
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #look(): void {
    const takenBytes = this.#watched.takenBytes()
    // The heartbeat itself is taken by the system at once: that is no sign of life.
    const moved = this.heard || takenBytes - this.#takenBytes > (this.#asked ? HEARTBEAT_BYTES : 0)
    this.heard = false
    if (moved) this.#asked = false
    this.#takenBytes = takenBytes
    const waiting = this.#watched.waiting()
    this.#silentTicks = waiting && !moved ? this.#silentTicks + 1 : 0
    this.#idleTicks = waiting || moved ? 0 : this.#idleTicks + 1
    const { silenceMs, idleMs } = this.#limits
    const silence = Math.ceil(silenceMs / this.#tickMs)
    if (this.#idleTicks * this.#tickMs >= idleMs) this.#watched.idle()
    else if (this.#silentTicks === silence) {
      this.#asked = true
      this.#watched.beat()
    } else if (this.#silentTicks >= 2 * silence) this.#watched.silent(2 * silenceMs)
  }
}
