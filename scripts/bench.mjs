/** `npm run bench -- <what> [options]`: builds, installs what goms is compared with, and runs bench/<what>.mjs. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensure, fail, root, whyInstall } from './ensure.mjs'

const [what, ...args] = process.argv.slice(2)
const bench = join(root, 'bench')
const known = readdirSync(bench)
  .filter((name) => name.endsWith('.mjs'))
  .map((name) => name.slice(0, -4))
if (what === undefined || !known.includes(what)) fail(`usage: npm run bench -- ${known.join('|')} [options]`, 2)
ensure()
if (!existsSync(join(bench, 'node_modules')) || whyInstall(bench) !== undefined) {
  // What the others say of the Node they want is theirs: some of their packages ask for a newer one than runs them.
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--engine-strict=false']
  const done = spawnSync('npm', args, {
    cwd: bench,
    stdio: 'inherit',
  })
  if (done.status !== 0) fail('bench: npm install failed')
}
const done = spawnSync(process.execPath, [join(bench, `${what}.mjs`), ...args], { cwd: root, stdio: 'inherit' })
process.exitCode = done.status ?? 1
