/** `npm test`: makes the checkout ready, runs the tests, and says which were skipped for want of a server. */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { ensure, root } from './ensure.mjs'
import { missingJars } from './jars.mjs'
import { hasGo, missingServers } from './servers.mjs'

ensure()
const args = process.argv.slice(2)
const missing = [...missingServers(), ...missingJars()]
if (process.env.GOMS_REQUIRE_SERVERS && missing.length > 0) {
  process.stderr.write(`GOMS_REQUIRE_SERVERS is set, and missing: ${missing.join(', ')}. node scripts/servers.mjs\n`)
  process.exit(1)
}
if (process.env.GOMS_REQUIRE_SERVERS && !hasGo()) {
  process.stderr.write('GOMS_REQUIRE_SERVERS is set, and missing: go. https://go.dev/doc/install\n')
  process.exit(1)
}

const report = join(root, '.cache', 'test-report.json')
rmSync(report, { force: true })
const reporters = args.some((arg) => arg.startsWith('--reporter'))
  ? []
  : ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const done = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...args], { cwd: root, stdio: 'inherit' })

const skipped = skippedByFile()
if (skipped.length > 0) {
  process.stdout.write('\nSkipped:\n')
  for (const [file, count] of skipped) process.stdout.write(`  ${file} (${count})\n`)
  if (missing.length > 0) {
    process.stdout.write(
      `Not installed: ${missing.join(', ')}. To run them too: node scripts/servers.mjs && npm test\n`,
    )
  }
  if (!hasGo()) process.stdout.write('Not installed: go. Install it to run the tests with Go programs too.\n')
}
process.exitCode = done.status ?? 1

function skippedByFile() {
  let results
  try {
    results = JSON.parse(readFileSync(report, 'utf8')).testResults
  } catch {
    return []
  }
  return results.flatMap((file) => {
    const count = file.assertionResults.filter((test) => test.status === 'skipped' || test.status === 'pending').length
    return count > 0 ? [[relative(root, file.name), count]] : []
  })
}
