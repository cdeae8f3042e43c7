/**
 * Checks the package as a user gets it: packs it, installs it into an empty folder and uses it from there.
 * Few packages, no install script among them, types and exports that resolve, and nothing of optional packages where they
 * are not wanted.
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

/** The same in types, with those of all files that they lead to. */
const TYPED = `
import { service } from 'goms'
export default service('hello', { rpc: { hi: ({ name }: { name: string }) => 'hi ' + name } })
`

/** Optional packages, by the entry point that needs them: how its types are used, and who says that it is missing. */
const PEERS = {
  elasticsearch: {
    package: '@elastic/elasticsearch',
    typed: `
import { elasticsearch } from 'goms/elasticsearch'
export const put: Promise<string> = elasticsearch().value.put('books', { title: 'a' })
export const alive: Promise<boolean> = elasticsearch().value.client.ping()
// @ts-expect-error: it is no text
export const wrong: Promise<string> = elasticsearch().value.client.ping()
`,
    starts: [`(await import('goms/elasticsearch')).elasticsearch({ url: '127.0.0.1:1' }).start({ settings: {} })`],
  },
  rabbitmq: {
    package: 'rabbitmq-client',
    typed: `
import { rabbitmq } from 'goms/rabbitmq'
export const ready: boolean = rabbitmq().value.connection.ready
// @ts-expect-error: it is no text
export const wrong: string = rabbitmq().value.connection.ready
`,
    starts: [`(await import('goms/rabbitmq')).rabbitmq({ url: '127.0.0.1:1' }).start({ settings: {} })`],
  },
  redis: {
    package: '@redis/client',
    typed: `
import { redis } from 'goms/redis'
export const got: Promise<string | null> = redis().value.get('a')
// @ts-expect-error: it is no number
export const wrong: Promise<number> = redis().value.get('a')
`,
    starts: [
      `(await import('goms/redis')).redis({ url: '127.0.0.1:1' }).start({ settings: {} })`,
      `((goms, limiter) => goms.serve(
        goms.gateway({ contracts: [goms.contract('a', { rpc: { b: goms.rpc({ limiter }) } })] }),
        { flags: { registry: 'memory', httpPort: '0', rpcPort: '0' }, env: { GOMS_REDIS_ADDR: '127.0.0.1:1' } },
      ))(await import('goms'), { calls: 1, perMs: 1, shared: true })`,
    ],
  },
}

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
  checkTypes(user, 'hello', TYPED, false)
  checkPeers(user)
  const version = run(join(user, 'node_modules', '.bin', 'goms'), ['--version'], user).trim()
  if (!version.includes(packed.version)) fail(`package: goms --version says "${version}", not ${packed.version}`)
  say(
    `package: ${packed.filename}, ${packed.files.length} files, ${installed.length} packages, ${names} exported names`,
  )
} finally {
  rmSync(dir, { recursive: true, force: true })
}

/** Without the package an entry point loads, and says what is to be installed; with it its types are the package's own. */
function checkPeers(user) {
  const { peerDependencies, peerDependenciesMeta } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const names = Object.values(PEERS).map((peer) => peer.package)
  for (const [entry, peer] of Object.entries(PEERS)) {
    if (peerDependenciesMeta[peer.package]?.optional !== true) fail(`package: ${peer.package} is no optional peer`)
    for (const start of peer.starts) {
      const code = `await ${start}.catch((error) => console.log(error.code, error.detail.fix))`
      const said = run(process.execPath, ['--input-type=module', '-e', code], user).trim()
      if (said.startsWith(`GOMS_PEER_MISSING npm install ${peer.package}@`)) continue
      fail(`package: goms/${entry} without ${peer.package}: ${said}`)
    }
  }
  const wanted = names.map((name) => `${name}@${peerDependencies[name]}`)
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...wanted], user)
  for (const [entry, { typed }] of Object.entries(PEERS)) checkTypes(user, entry, typed, true)
}

function checkTypes(user, name, text, skipLibCheck) {
  writeFileSync(join(user, `${name}.ts`), text)
  const types = { types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] }
  const compilerOptions = { target: 'es2023', module: 'nodenext', strict: true, noEmit: true, skipLibCheck, ...types }
  writeFileSync(join(user, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [`${name}.ts`] }))
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', user], user)
}

function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    process.stderr.write(`${error.stdout ?? ''}${error.stderr ?? ''}`)
    return fail(`package: ${command} ${args.join(' ')}: failed`)
  }
}
