/** The port of limits that a whole project shares: somebody who counts for all is asked, once for each call. */
import type { SharedRate } from '../core/options.ts'

/** A call that asks; it is told once. */
export interface Asking {
  /** 0: it may go on. Else it is refused, and after so many milliseconds it may be otherwise. */
  answered(retryAfterMs: number): void
  /** There is no answer to come. */
  failed(): void
}

export interface SharedLimits {
  /**
   * Asks for one call of a route, and tells it later, never from within. Returns how many milliseconds an answer may take; 0
   * where nobody can be asked now, and then `asking` is told nothing.
   */
  ask(service: string, action: string, limit: SharedRate, asking: Asking): number
  /**
   * A call went on, or was refused, without an answer, as its limit says.
   * @param late it had asked, and waited as long as it should
   */
  missed(service: string, action: string, limit: SharedRate, late: boolean): void
}
