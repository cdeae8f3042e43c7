/**
 * Checks the package as a user gets it: packs it, installs it into an empty folder and uses it from there.
 * Few packages, no install script among them, and types and exports that resolve.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensure, fail, root, say } from './ensure.mjs'

/** goms and all that it brings along. */
const MAX_PACKAGES = 25

/** What a user's first file does: import goms and find its names. */
const USE = `
const goms = await import('goms')
if (goms.GomsError === undefined) throw new Error('goms exports no GomsError')
if (goms.service === undefined) throw new Error('goms exports no service')
console.log(Object.keys(goms).length)
`

ensure()
const dir = mkdtempSync(join(tmpdir(), 'goms-package-'))
try {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', dir], root))
  const strangers = packed.files
    .map((file) => file.path)
    .filter(
      (path) =>
        !/^(dist\/|monitoring\/|[^/]+\.(md|json)$|LICENSE$)/.test(path) ||
        /\.(test|suite|fixtures|map|stamp)\b/.test(path),
    )
  if (strangers.length > 0) fail(`package: files that do not belong there: ${strangers.join(', ')}`)

  const tarball = join(dir, packed.filename)
  const bin = (name) => join(root, 'node_modules', '.bin', name)
  run(bin('publint'), ['run', '--strict', tarball], root)
  run(bin('attw'), [tarball, '--profile', 'esm-only', '--no-emoji'], root)

  const user = join(dir, 'user')
  mkdirSync(user)
  writeFileSync(join(user, 'package.json'), '{"name":"user","version":"1.0.0","private":true,"type":"module"}')
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', tarball], user)

  const lock = JSON.parse(readFileSync(join(user, 'node_modules', '.package-lock.json'), 'utf8'))
  const installed = Object.entries(lock.packages)
  const scripted = installed.filter(([, pkg]) => pkg.hasInstallScript).map(([path]) => path)
  if (scripted.length > 0) fail(`package: runs install scripts: ${scripted.join(', ')}`)
  if (installed.length > MAX_PACKAGES) fail(`package: ${installed.length} packages, at most ${MAX_PACKAGES}`)

  const names = run(process.execPath, ['--input-type=module', '-e', USE], user).trim()
  const version = run(join(user, 'node_modules', '.bin', 'goms'), ['--version'], user).trim()
  if (!version.includes(packed.version)) fail(`package: goms --version says "${version}", not ${packed.version}`)
  say(
    `package: ${packed.filename}, ${packed.files.length} files, ${installed.length} packages, ${names} exported names`,
  )
} finally {
  rmSync(dir, { recursive: true, force: true })
}

function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    process.stderr.write(`${error.stdout ?? ''}${error.stderr ?? ''}`)
    return fail(`package: ${command} ${args.join(' ')}: failed`)
  }
}
