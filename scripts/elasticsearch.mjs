/** Brings a real Elasticsearch for tests into `.cache`: its jars by Maven, and a small program that starts one node. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pathOf } from './commands.mjs'

/** The last line that runs on Java 17. */
const VERSION = '8.19.5'
const root = join(fileURLToPath(import.meta.url), '..', '..')
const source = join(root, 'test', 'support', 'elasticsearch')
const home = join(root, '.cache', `elasticsearch-${VERSION}`)
const module = join(home, 'modules', 'transport-netty4')

/** Arguments of `java` that start a node: `<data directory> <port>` are to be added. */
export const ELASTICSEARCH_ARGS = [
  ...['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dlog4j2.disable.jmx=true'],
  ...['-cp', [join(home, 'classes'), join(home, 'lib', '*')].join(delimiter), 'ElasticsearchNode', home],
]

/** Whether it can be started: fetched as it should be, and Java is there. */
export function hasElasticsearch() {
  return isFetched() && pathOf('java') !== undefined
}

function isFetched() {
  try {
    return readFileSync(join(home, 'made-of'), 'utf8') === madeOf()
  } catch {
    return false
  }
}

/** Fetches it where it is missing. Installing Maven and a JDK is left to their owner. Returns an exit code. */
export function fetchElasticsearch() {
  if (isFetched()) {
    process.stderr.write('servers: elasticsearch in .cache\n')
    return 0
  }
  const tools = ['javac', 'mvn'].filter((command) => pathOf(command) === undefined)
  if (tools.length > 0) {
    process.stderr.write(
      `servers: no elasticsearch without ${tools.join(' and ')} (Debian: default-jdk-headless, maven)\n`,
    )
    return 0
  }
  process.stderr.write(`servers: fetching Elasticsearch ${VERSION} …\n`)
  rmSync(home, { recursive: true, force: true })
  for (const folder of ['plugins', 'classes']) mkdirSync(join(home, folder), { recursive: true })
  mkdirSync(module, { recursive: true })
  const lib = join(home, 'lib')
  const maven = ['-B', '-q', '-f', join(source, 'pom.xml'), `-Delasticsearch=${VERSION}`]
  if (!run('mvn', [...maven, 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`])) return 1
  // A module has a class loader of its own, and its jars nowhere else.
  for (const jar of readdirSync(lib).filter((name) => /^(netty|transport-netty4)-/.test(name))) {
    renameSync(join(lib, jar), join(module, jar))
  }
  const inJar = 'META-INF/es-plugins/transport-netty4/plugin-descriptor.properties'
  if (!run('jar', ['xf', join(module, `transport-netty4-${VERSION}.jar`), inJar], module)) return 1
  // Here all is on the class path, so the module is none of Java's.
  const descriptor = readFileSync(join(module, inJar), 'utf8').replace(/^modulename=.*$/m, '')
  writeFileSync(join(module, 'plugin-descriptor.properties'), descriptor)
  rmSync(join(module, 'META-INF'), { recursive: true })
  const compile = ['-cp', join(lib, '*'), '-proc:none', '-d', join(home, 'classes')]
  if (!run('javac', [...compile, join(source, 'ElasticsearchNode.java')])) return 1
  writeFileSync(join(home, 'made-of'), madeOf())
  return 0
}

function madeOf() {
  const hash = createHash('sha256').update(VERSION)
  for (const file of ['pom.xml', 'ElasticsearchNode.java']) hash.update(readFileSync(join(source, file)))
  return hash.digest('hex')
}

function run(command, args, cwd = root) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.stderr.write(`servers: ${command} failed${error ? ` (${error.code})` : ''}\n`)
  return status === 0
}
