/** `npm run fuzz`: our HTTP parsers against llhttp for minutes. GOMS_FUZZ_MS for each side; GOMS_FUZZ_SEED to repeat a run. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensure, root } from './ensure.mjs'

ensure()
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const args = ['run', '--project', 'unit', '--no-file-parallelism', join('test', 'fuzz'), ...process.argv.slice(2)]
const done = spawnSync(process.execPath, [vitest, ...args], {
  cwd: root,
  stdio: 'inherit',
  env: { GOMS_FUZZ_MS: '300000', ...process.env },
})
process.exitCode = done.status ?? 1
