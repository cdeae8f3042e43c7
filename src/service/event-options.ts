/** How events reach the handlers of a service, as its author writes it. */
import { GomsError } from '../core/errors.ts'

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
export function checkEvents(service: string, { concurrency, retryWaitsMs, timeoutMs }: EventOptions): void {
  const check = (option: string, ok: boolean, found: unknown, expected: string): void => {
    if (ok) return
    const shown = `\`${JSON.stringify(found) ?? String(found)}\``
    throw new GomsError(
      'GOMS_OPTION_INVALID',
      `service("${service}"): expected \`events.${option}\` to be ${expected}, got ${shown}`,
      { detail: { found: shown, expected } },
    )
  }
  const isWithin = (value: number, most: number): boolean => Number.isInteger(value) && value >= 1 && value <= most
  check('concurrency', isWithin(concurrency ?? 1, 10_000), concurrency, 'an integer from 1 to 10000')
  check('timeoutMs', isWithin(timeoutMs ?? 1, 3_600_000), timeoutMs, 'an integer from 1 to 3600000')
  const areWaits =
    Array.isArray(retryWaitsMs ?? []) &&
    (retryWaitsMs ?? []).length <= 20 &&
    (retryWaitsMs ?? []).every((wait) => isWithin(wait, 86_400_000))
  check('retryWaitsMs', areWaits, retryWaitsMs, 'at most 20 integers from 1 to 86400000')
}
