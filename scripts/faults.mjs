/** The long fault tests (minutes): full-length loads on real servers. Arguments go to vitest, `-t killed` for one. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensure, fail, root } from './ensure.mjs'
import { missingJars } from './jars.mjs'
import { missingServers } from './servers.mjs'

ensure()
const missing = [...missingServers(), ...missingJars()]
if (missing.length > 0) fail(`faults: missing ${missing.join(', ')}. Install them: node scripts/servers.mjs`)
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const config = join('test', 'faults', 'vitest.config.ts')
const done = spawnSync(process.execPath, [vitest, 'run', '--config', config, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
process.exitCode = done.status ?? 1
