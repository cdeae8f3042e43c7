/** The log as the rooms see it: levels, a line, and fields that a JSON log keeps. Where it goes is decided in `app/`. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface Log {
  /** Whoever speaks: the service name in the brackets of a human line. */
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** Says a thing at most once per `everyMs`, so that a lasting fault fills no log. */
export function everyMs(clock: { now(): number }, intervalMs: number): (say: () => void) => void {
  let last = Number.NEGATIVE_INFINITY
  return (say) => {
    const now = clock.now()
    if (now - last < intervalMs) return
    last = now
    say()
  }
}
