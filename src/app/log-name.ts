/** Keeps a log file to one process: several of one service may share a directory, and none may put aside what another writes. */
import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock, Timer } from '../core/clock.ts'

/** A claim is renewed so often, and counts as left behind after so long, whoever made it. */
const RENEW_MS = 15_000
const LEFT_AFTER_MS = 60_000
/** Names that are tried: `user`, `user-2` … */
const MAX_NAMES = 256

export interface ClaimedName {
  readonly name: string
  /** Claims it anew where the claim was removed; another's is left alone. */
  renew(): void
  release(): void
}

const held = new Set<string>()

/**
 * The first of `name`, `name-2` … that no running process holds in that directory, by a file `<name>.lock`. A process that
 * ended without letting go is found out by its process id, and elsewhere (another container) because it renews no more.
 * @throws an error of the system where the directory cannot be written to
 */
export function claimName(dir: string, wished: string, clock: Clock): ClaimedName {
  for (let n = 1; n <= MAX_NAMES; n++) {
    const name = n === 1 ? wished : `${wished}-${n}`
    const path = join(dir, `${name}.lock`)
    if (claim(path)) return holdOf(name, path, clock)
  }
  return { name: `${wished}-${process.pid}`, renew() {}, release() {} }
}

const mine = (): string => `${process.pid} ${hostname()}\n`

function holdOf(name: string, path: string, clock: Clock): ClaimedName {
  held.add(path)
  let timer: Timer
  const renew = (): void => {
    try {
      const found = read(path)
      if (found === undefined) writeFileSync(path, mine(), { flag: 'wx' })
      else if (found === mine()) utimesSync(path, new Date(), new Date())
    } catch {}
  }
  const again = (): void => {
    renew()
    timer = clock.after(RENEW_MS, again)
  }
  timer = clock.after(RENEW_MS, again)
  const release = (): void => {
    timer.cancel()
    process.off('exit', release)
    held.delete(path)
    if (read(path) === mine()) rmSync(path, { force: true })
  }
  process.on('exit', release)
  return { name, renew, release }
}

function claim(path: string): boolean {
  for (let tries = 0; tries < 3; tries++) {
    try {
      writeFileSync(path, mine(), { flag: 'wx' })
      return true
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code !== 'EEXIST') throw thrown
    }
    const found = read(path)
    if (found !== undefined && (isHeld(path, found) || !tookAway(path, found))) return false
  }
  return false
}

function isHeld(path: string, found: string): boolean {
  const atMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (Date.now() - atMs > LEFT_AFTER_MS) return false
  const [pid = '', host] = found.trim().split(' ')
  if (host !== hostname()) return true
  if (Number(pid) === process.pid) return held.has(path)
  try {
    process.kill(Number(pid), 0)
    return true
  } catch (thrown) {
    return (thrown as { code?: unknown }).code === 'EPERM'
  }
}

/** Others may have found the same: what was taken is looked at, and put back where it is another one's by now. */
function tookAway(path: string, found: string): boolean {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
    const left = read(aside) === found
    if (!left) linkSync(aside, path)
    return left
  } catch {
    return false
  } finally {
    rmSync(aside, { force: true })
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
