/** A real RabbitMQ for tests, on free ports, with a store of its own that outlives a restart. It takes about five seconds to start. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingServers } from '../../scripts/servers.mjs'
import { freePort, type Running, startProcess } from './processes.ts'
import { SLACK } from './timing.ts'

export const RABBITMQ_START_MS: number = 60_000 * SLACK

/** Why tests with RabbitMQ are skipped, or undefined where it is there or GOMS_REQUIRE_SERVERS=1 wants a failure instead. */
export const rabbitmqMissing: string | undefined =
  missingServers().includes('rabbitmq-server') && !process.env.GOMS_REQUIRE_SERVERS
    ? 'skipped: no RabbitMQ (Debian: node scripts/servers.mjs; GOMS_REQUIRE_SERVERS=1 makes this a failure)'
    : undefined

/** The Debian command of that name wants its own user and the system's directories. */
const DEBIAN = '/usr/lib/rabbitmq/bin/rabbitmq-server'

export interface RabbitMq {
  readonly port: number
  readonly url: string
  /** Ends it at once, as a machine that loses its power does, unless told to end in order. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again with what it had. */
  start(): Promise<void>
  /** Ends it, and removes its store. */
  close(): Promise<void>
}

export async function startRabbitMq(): Promise<RabbitMq> {
  const dir = mkdtempSync(join(tmpdir(), 'goms-rabbitmq-'))
  const [port, distPort, epmdPort] = [await freePort(), await freePort(), await freePort()]
  const home = join(dir, 'home')
  mkdirSync(home)
  const env = {
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
  }
  let running: Running | undefined

  async function start(): Promise<void> {
    running = startProcess(existsSync(DEBIAN) ? DEBIAN : 'rabbitmq-server', [], { name: 'rabbitmq', env })
    await running.waitForLine(/Server startup complete/, RABBITMQ_START_MS)
  }

  async function stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    running?.signal(signal, true)
    await running?.exited
  }

  await start()
  return {
    port,
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    start,
    stop,
    async close() {
      await stop()
      // Erlang's directory of nodes is a daemon, which ends by itself never.
      spawnSync('epmd', ['-port', String(epmdPort), '-kill'], { stdio: 'ignore', env: { ...process.env, ...env } })
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
