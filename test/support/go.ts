/** The Go programs of test/interop, built once for all tests that talk to them. */
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const root: string = join(import.meta.dirname, '..', '..')
/** Folders of test/interop with a module of Go each. What needs packages of other ages than the rest has its own. */
type GoModule = 'go' | 'otlp-receiver'

/** For hooks: a first build compiles all that the programs are made of; afterwards nothing is built. */
export const GO_BUILD_TIMEOUT_MS = 400_000
/** A build that takes longer was killed. */
const STALE_MS = 300_000

export type GoProgram = 'rpcx-server' | 'rpcx-client' | 'garden-node' | 'otlp-receiver'

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
 * The way to each program, built unless the same sources were built before. One process builds, the others wait for it.
 * @throws Error with what the compiler said
 */
export async function buildGo(module: GoModule = 'go'): Promise<(program: GoProgram) => string> {
  if (version === undefined) throw new Error('Go is not installed: https://go.dev/doc/install')
  const source = join(root, 'test', 'interop', module)
  const cache = join(root, '.cache', module === 'go' ? 'interop' : module)
  const built = join(cache, sourceHash(source))
  const fresh = `${built}.new`
  mkdirSync(cache, { recursive: true })
  while (!existsSync(built)) {
    if (takes(fresh)) await build(source, cache, fresh, built)
    else await sleep(100)
  }
  return (program) => join(built, program)
}

/** Whether the build is this process's: the folder is made by one alone. */
function takes(fresh: string): boolean {
  try {
    mkdirSync(fresh)
    return true
  } catch {
    const age = Date.now() - (statSync(fresh, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > STALE_MS) rmSync(fresh, { recursive: true, force: true })
    return false
  }
}

async function build(source: string, cache: string, fresh: string, built: string): Promise<void> {
  // One package at a time: other tests run beside this, and have their time-outs.
  const args = ['build', '-buildvcs=false', '-trimpath', '-p', '1', '-o', `${fresh}/`, './...']
  try {
    await promisify(execFile)('go', args, { cwd: source })
    for (const old of readdirSync(cache)) {
      if (join(cache, old) !== fresh) rmSync(join(cache, old), { recursive: true })
    }
    renameSync(fresh, built)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function sourceHash(source: string): string {
  const hash = createHash('sha256').update(version ?? '')
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    hash.update(`${relative(source, path)}\0`).update(readFileSync(path))
  }
  return hash.digest('hex').slice(0, 16)
}
