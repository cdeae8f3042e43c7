/** Installs the servers that tests start by themselves on free ports, where the system has apt-get. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pathOf } from './commands.mjs'
import { fetchElasticsearch } from './elasticsearch.mjs'
import { fetchJars } from './jars.mjs'

/** Command that tests look for → Debian package that has it. */
export const SERVERS = {
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  'redis-server': 'redis-server',
  nginx: 'nginx',
  haproxy: 'haproxy',
  prometheus: 'prometheus',
  'rabbitmq-server': 'rabbitmq-server',
}

/** Names of the server commands that are not there. */
export function missingServers() {
  return Object.keys(SERVERS).filter((command) => pathOf(command) === undefined)
}

/** Whether the programs in Go can be built that tests of both worlds talk to. Installing Go is left to its owner. */
export function hasGo() {
  return pathOf('go') !== undefined
}

function install() {
  const missing = missingServers()
  if (missing.length === 0) {
    process.stderr.write(`servers: ${Object.keys(SERVERS).join(', ')} are installed\n`)
    return 0
  }
  const packages = missing.map((command) => SERVERS[command])
  const root = process.getuid?.() === 0
  if (pathOf('apt-get') === undefined || !(root || pathOf('sudo') !== undefined)) {
    process.stderr.write(`servers: missing ${missing.join(', ')}. Install them with the system's package manager\n`)
    process.stderr.write(`  (Debian packages: ${packages.join(' ')})\n`)
    return 1
  }
  process.stderr.write(`servers: installing ${packages.join(' ')} …\n`)
  // The packages would start daemons; tests bring their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const apt = (...args) => {
    const [command, ...rest] = root ? ['apt-get', ...args] : ['sudo', '-E', 'apt-get', ...args]
    return spawnSync(command, rest, { env, stdio: ['ignore', 2, 2] }).status === 0
  }
  const line = ['-y', '-qq', '--no-install-recommends', 'install', ...packages]
  if (apt(...line) || (apt('-qq', 'update') && apt(...line))) return missingServers().length === 0 ? 0 : 1
  process.stderr.write('servers: apt-get failed\n')
  return 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = install() || fetchJars() || fetchElasticsearch()
}
