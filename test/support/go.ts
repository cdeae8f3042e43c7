/** The Go programs of test/interop, built once for all tests that talk to them. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'

const root: string = join(import.meta.dirname, '..', '..')
const source: string = join(root, 'test', 'interop', 'go')
const cache: string = join(root, '.cache', 'interop')

/** A first build compiles what the programs are made of; with it at hand less than a second passes. */
export const GO_BUILD_TIMEOUT_MS = 300_000

const version: string | undefined = (() => {
  try {
    return execFileSync('go', ['version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
})()

/** Why tests with Go are skipped, or undefined where it is installed or GOMS_REQUIRE_SERVERS=1 wants a failure instead. */
export const goMissing: string | undefined =
  version === undefined && process.env.GOMS_REQUIRE_SERVERS !== '1'
    ? 'skipped: Go is not installed (GOMS_REQUIRE_SERVERS=1 makes this a failure)'
    : undefined

/**
 * Builds the programs unless the same sources were built before, and returns their paths.
 * @throws Error with what the compiler said
 */
export function buildGo(): (program: 'rpcx-server' | 'rpcx-client' | 'garden-node') => string {
  if (version === undefined) throw new Error('Go is not installed: https://go.dev/doc/install')
  const built = join(cache, sourceHash())
  if (!existsSync(built)) {
    const fresh = `${built}.${process.pid}`
    mkdirSync(fresh, { recursive: true })
    try {
      // As one step at a time: tests beside this one have their time-outs.
      execFileSync('go', ['build', '-buildvcs=false', '-trimpath', '-p', '1', '-o', `${fresh}/`, './...'], {
        cwd: source,
        stdio: ['ignore', 'ignore', 'pipe'],
        encoding: 'utf8',
      })
      keepOnly(fresh, built)
    } finally {
      rmSync(fresh, { recursive: true, force: true })
    }
  }
  return (program) => join(built, program)
}

/** Another process may have been faster; its programs are as good. */
function keepOnly(fresh: string, built: string): void {
  try {
    renameSync(fresh, built)
  } catch (error) {
    if (!existsSync(built)) throw error
  }
  for (const name of readdirSync(cache)) {
    // Builds in progress have a suffix.
    if (/^[0-9a-f]+$/.test(name) && join(cache, name) !== built) rmSync(join(cache, name), { recursive: true })
  }
}

function sourceHash(): string {
  const hash = createHash('sha256').update(version ?? '')
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    hash.update(`${relative(source, path)}\0`).update(readFileSync(path))
  }
  return hash.digest('hex').slice(0, 16)
}
