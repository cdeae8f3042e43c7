/** What SIGTERM and SIGINT do: the first ends gracefully, a later one ends at once. */
import { closeSync, openSync } from 'node:fs'
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

/**
 * SIGHUP restarts, as it makes other servers read anew what they serve with. On the terminal of a process that hangs up it
 * stops, as ever: one that lost its terminal has nobody to see it. Not on Windows, where it means the end of the console.
 */
export function restartOnHangup(restart: () => Promise<void>): void {
  if (process.platform === 'win32') return
  const hadTerminal = process.stdin.isTTY === true
  process.on('SIGHUP', () => {
    if (hadTerminal && !hasTerminal()) process.kill(process.pid, 'SIGTERM')
    else void restart()
  })
}

/** A terminal that hung up cannot be opened any more. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
