/** Gets the servers in Java that tests start, from Maven's repository into `.cache`, where Java and Maven are installed. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pathOf } from './commands.mjs'

const cache = fileURLToPath(new URL('../.cache/', import.meta.url))

/** Name of a server → its artifact, which is one executable file. */
export const JARS = {
  zipkin: { group: 'io.zipkin', artifact: 'zipkin-server', version: '3.6.1', classifier: 'exec' },
}

/** Where the file of a server is, or will be. */
export function jarOf(name) {
  const { artifact, version, classifier } = JARS[name]
  return join(cache, `${artifact}-${version}-${classifier}.jar`)
}

/** Names of the servers that cannot be started: not fetched, or no Java. */
export function missingJars() {
  return Object.keys(JARS).filter((name) => !existsSync(jarOf(name)) || pathOf('java') === undefined)
}

/** Fetches what is missing. Installing Java and Maven is left to their owner. */
export function fetchJars() {
  const missing = Object.keys(JARS).filter((name) => !existsSync(jarOf(name)))
  const tools = ['java', 'mvn'].filter((command) => pathOf(command) === undefined)
  if (missing.length > 0 && tools.length > 0) {
    process.stderr.write(
      `servers: no ${missing.join(', ')} without ${tools.join(' and ')} (Debian: default-jre, maven)\n`,
    )
    return 0
  }
  mkdirSync(cache, { recursive: true })
  for (const name of missing) {
    const { group, artifact, version, classifier } = JARS[name]
    process.stderr.write(`servers: fetching ${name} ${version} …\n`)
    const options = [`-Dartifact=${group}:${artifact}:${version}:jar:${classifier}`, `-DoutputDirectory=${cache}`]
    spawnSync('mvn', ['-q', '-B', 'dependency:copy', ...options], { cwd: cache, stdio: ['ignore', 2, 2] })
    if (existsSync(jarOf(name))) continue
    process.stderr.write(`servers: mvn did not get ${name}\n`)
    return 1
  }
  if (missing.length === 0) process.stderr.write(`servers: ${Object.keys(JARS).join(', ')} in .cache\n`)
  return 0
}
