/** How events reach the handlers of a service, as its author writes it. */
import { checkWaits, integerOption } from '../core/option-check.ts'

/** How the events of a service's `on` are handled. */
export interface EventOptions {
  /** Handlers at work at a time in this process, 1 to 10000. @default 64 */
  readonly concurrency?: number
  /**
   * Waits in milliseconds before an event whose handler failed is delivered again, at most 20 of 1 to 86400000 each; after
   * the last it is among the dead letters. @default [200, 1000, 5000, 25000]
   */
  readonly retryWaitsMs?: readonly number[]
  /** How long a handler may take, 1 to 3600000: then its signal is aborted, and its event delivered again. @default 60000 */
  readonly timeoutMs?: number
}

/** @throws GomsError GOMS_OPTION_INVALID */
export function checkEvents(
  service: string,
  { concurrency = 1, retryWaitsMs = [], timeoutMs = 1 }: EventOptions,
): void {
  const where = `service("${service}")`
  integerOption(where, 'events.concurrency', concurrency, [1, 10_000])
  integerOption(where, 'events.timeoutMs', timeoutMs, [1, 3_600_000])
  checkWaits(where, 'events.retryWaitsMs', retryWaitsMs)
}
