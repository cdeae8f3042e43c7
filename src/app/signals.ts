/** What SIGTERM and SIGINT do: the first ends gracefully, a later one ends at once. */
import type { Clock } from '../core/clock.ts'

/** Terminals and supervisors repeat a signal at once; those within this time are one. */
const SAME_SIGNAL_MS = 1000

/** What a process that a signal ended at once exits with. */
export const EXIT_CODES: Readonly<Record<'SIGINT' | 'SIGTERM', number>> = { SIGINT: 130, SIGTERM: 143 }

/** Calls `stop` at the first signal and exits with 0 when it has resolved; exits with 130 or 143 at a later signal. */
export function stopOnSignals(clock: Clock, stop: (signal: 'SIGINT' | 'SIGTERM') => Promise<void>): void {
  let firstMs: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (firstMs === undefined) {
        firstMs = clock.now()
        stop(signal).then(
          () => process.exit(0),
          () => process.exit(1),
        )
      } else if (clock.now() - firstMs >= SAME_SIGNAL_MS) {
        process.exit(EXIT_CODES[signal])
      }
    })
  }
}
