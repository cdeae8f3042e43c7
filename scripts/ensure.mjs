/** Makes a checkout ready to run: Node new enough, packages installed, sources built. Does only what is missing. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** Beside `dist`, so that it is not packed. */
export const stampFile = join(root, '.cache', 'build.stamp')
const entry = join(root, 'dist', 'cli', 'main.js')

/** What the build reads beside `src`. */
const BUILD_INPUTS = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts/build.mjs',
  'scripts/config-schema.mjs',
]

/** Leaves with a sentence, not with a stack trace. */
export function fail(message, code = 1) {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}

export function say(message) {
  process.stderr.write(`${message}\n`)
}

/** Runs a command with its output on standard error, so that standard output stays ours. */
export function run(command, args, what) {
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (done.error) fail(`${what}: cannot run ${command} (${done.error.message})`)
  if (done.status !== 0) fail(`${what}: failed (exit ${done.status ?? done.signal})`, 1)
}

/** Whether a Node version is at least 20.19: the first one that can load ES modules the way goms is built. */
export function nodeIsNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 20 || (major === 20 && minor >= 19)
}

/** Why packages must be installed (again), or undefined: compares the lock file with what npm says it installed. */
export function whyInstall(dir = root) {
  const installed = readJson(join(dir, 'node_modules', '.package-lock.json'))
  if (!installed) return 'node_modules is missing'
  const wanted = readJson(join(dir, 'package-lock.json'))
  if (!wanted) return undefined
  for (const [path, pkg] of Object.entries(wanted.packages)) {
    if (path === '' || pkg.optional || pkg.devOptional || pkg.link) continue
    const have = installed.packages[path]
    if (!have) return `${path} is not installed`
    if (have.version !== pkg.version) return `${path} is ${have.version}, the lock file says ${pkg.version}`
  }
  return undefined
}

/** A hash over everything that the build reads: contents, not times, so that a checkout or a copy stays fresh. */
export function sourceHash(dir = root) {
  const hash = createHash('sha256')
  const files = readdirSync(join(dir, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(test|suite|fixtures)\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  for (const file of [...files, ...BUILD_INPUTS.map((name) => join(dir, name))]) {
    if (!existsSync(file)) continue
    hash
      .update(`${file.slice(dir.length)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

/** Why `dist` must be built (again), or undefined. */
export function whyBuild() {
  if (!existsSync(entry)) return 'dist is missing'
  if (!existsSync(stampFile)) return 'it is not known what dist was built from'
  return readFileSync(stampFile, 'utf8') === sourceHash() ? undefined : 'src has changed'
}

/** Does what is missing, and says what it does. Ends the process with a sentence when it cannot. */
export function ensure() {
  if (!nodeIsNewEnough(process.versions.node)) {
    fail(`goms needs Node 20.19 or newer, this is ${process.version}. Install one from https://nodejs.org`, 3)
  }
  // A published package brings its build and no sources.
  if (!existsSync(join(root, 'src'))) return
  const install = whyInstall()
  if (install) {
    say(`Installing packages (${install}) …`)
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci')
  }
  const build = whyBuild()
  if (build) {
    say(`Building (${build}) …`)
    run(process.execPath, [join(root, 'scripts', 'build.mjs')], 'build')
  }
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensure()
