/** Whether a server can be used, as whoever is connected to it finds: said in the log when it goes, now and then, and when it is back. */
import type { Clock } from '../core/clock.ts'
import { everyMs, type Log } from '../core/log.ts'

export interface PresenceDeps {
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}

const SAY_EVERY_MS = 10_000

export class Presence {
  readonly #shown: string
  readonly #log: Log
  readonly #say: (say: () => void) => void
  #failure: string | undefined = 'it has not been reached yet'
  #wasAway = false

  /** @param shown its address, without user and password */
  constructor(shown: string, { clock, log }: PresenceDeps) {
    this.#shown = shown
    this.#log = log
    this.#say = everyMs(clock, SAY_EVERY_MS)
  }

  /** Why it cannot be used; undefined: it can. */
  get failure(): string | undefined {
    return this.#failure
  }

  lost(why: string): void {
    this.#failure = why
    this.#wasAway = true
    this.#say(() => this.#log.warn(`${this.#shown} is away (${why}); connecting again`))
  }

  back(): void {
    this.#failure = undefined
    if (this.#wasAway) this.#log.info(`${this.#shown} is back`)
    this.#wasAway = false
  }

  /** For whoever asks how things are. */
  away(): string | undefined {
    return this.#failure === undefined ? undefined : `${this.#shown}: ${this.#failure}`
  }
}

/** Errors of sockets to several addresses have an empty message. */
export function reasonOf(error: Error & { readonly code?: unknown }): string {
  return error.message || String(error.code ?? error.name)
}
