/** A real RabbitMQ for tests, on free ports, with a store of its own that outlives a restart. It takes about five seconds to start. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endEpmd, RABBITMQ_READY, rabbitMqProgram } from '../../scripts/rabbitmq.mjs'
import { missingServers } from '../../scripts/servers.mjs'
import { freePort, type Running, startProcess } from './processes.ts'
import { SLACK } from './timing.ts'

export const RABBITMQ_START_MS: number = 60_000 * SLACK

/** Why tests with RabbitMQ are skipped, or undefined where it is there or GOMS_REQUIRE_SERVERS=1 wants a failure instead. */
export const rabbitmqMissing: string | undefined =
  missingServers().includes('rabbitmq-server') && !process.env.GOMS_REQUIRE_SERVERS
    ? 'skipped: no RabbitMQ (Debian: node scripts/servers.mjs; GOMS_REQUIRE_SERVERS=1 makes this a failure)'
    : undefined

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
  const port = await freePort()
  const program = rabbitMqProgram(dir, [port, await freePort(), await freePort()])
  let running: Running | undefined

  async function start(): Promise<void> {
    running = startProcess(program.command, [], { name: 'rabbitmq', env: program.env })
    await running.waitForLine(RABBITMQ_READY, RABBITMQ_START_MS)
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
      endEpmd(program)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
