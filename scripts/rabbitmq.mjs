/** How a RabbitMQ of one's own is started, for tests and benchmarks: on chosen ports, with a store in a directory. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** The Debian command of that name wants its own user and the system's directories. */
const DEBIAN = '/usr/lib/rabbitmq/bin/rabbitmq-server'

/** The line of its log that says that it takes connections. */
export const RABBITMQ_READY = /Server startup complete/

/** @param ports its own, that of Erlang's distribution, and that of Erlang's directory of nodes */
export function rabbitMqProgram(dir, [port, distPort, epmdPort]) {
  const home = join(dir, 'home')
  mkdirSync(home, { recursive: true })
  return {
    command: existsSync(DEBIAN) ? DEBIAN : 'rabbitmq-server',
    env: {
      HOME: home,
      ERL_EPMD_PORT: String(epmdPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `goms-${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distPort),
      RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'),
      RABBITMQ_LOG_BASE: join(dir, 'log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'plugins'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_CONFIG_FILE: join(dir, 'none'),
      // Two schedulers are enough, and they do not spin.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none',
    },
  }
}

/** Erlang's directory of nodes is a daemon, which ends by itself never. */
export function endEpmd({ env }) {
  spawnSync('epmd', ['-port', env.ERL_EPMD_PORT, '-kill'], { stdio: 'ignore', env: { ...process.env, ...env } })
}
