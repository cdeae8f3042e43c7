/** Standard error as an outlet of lines: one for the process, written to without ever waiting for its reader. */
import { constants, fstatSync, openSync, write, writeSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import { createOutlet, type Drain, type Outlet } from './log-outlet.ts'

const FD = 2

let shared: Outlet | undefined

/**
 * The process's. `process.stderr` is not used: for files it writes synchronously, and for pipes it keeps without bound what
 * a reader does not take. A write in a thread is no way out either: one that waits for a stopped reader holds up the end
 * of the process.
 * @param told the line that tells how many were dropped
 */
export function standardError(told: (dropped: number) => string): Outlet {
  if (shared === undefined) {
    const outlet = createOutlet({ drain: drainOf(FD), clock: systemClock, told })
    process.on('exit', () => outlet.flushNow())
    shared = outlet
  }
  return shared
}

/** Writes what waits, as far as its reader takes it: for lines that come when the process ends. */
export function flushStandardError(): void {
  shared?.flushNow()
}

/** Lines of this process that standard error did not take. */
export function droppedByStandardError(): number {
  return shared?.dropped ?? 0
}

function drainOf(fd: number): Drain {
  if (isFile(fd)) return toFile(fd)
  return withoutWaiting(ownDescription(fd) ?? nonBlocking(fd))
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false
  }
}

/** A disk may be slow, so a thread writes; it takes everything in the end. */
function toFile(fd: number): Drain {
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => write(fd, bytes, (error, wrote) => (error ? reject(error) : resolve(wrote)))),
    writeNow: (bytes) => writeSync(fd, bytes),
  }
}

function withoutWaiting(fd: number): Drain {
  const now = (bytes: Buffer): number => writeSync(fd, bytes)
  return { write: now, writeNow: now }
}

/**
 * Whether writing waits is a property that all who share a pipe or terminal share, so this process opens it anew for
 * itself. Linux can; undefined where that does not go, as with sockets.
 */
function ownDescription(fd: number): number | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    return own
  } catch {
    return undefined
  }
}

/** Node makes pipes and sockets non-blocking when `process.stderr` is first looked at. */
function nonBlocking(fd: number): number {
  // Others write there too; a reader that has gone must not end this process.
  process.stderr.on('error', () => {})
  return fd
}
