/** A real Redis for tests, on a free port, keeping nothing on disk. */
import { missingServers } from '../../scripts/servers.mjs'
import { freePort, type Running, startProcess } from './processes.ts'

export interface Redis {
  readonly port: number
  readonly url: string
  readonly process: Running
  close(): Promise<void>
}

/** Whether tests that need Redis are skipped: it is not installed, and nobody requires it. */
export const redisIsMissing: boolean = missingServers().includes('redis-server') && !process.env.GOMS_REQUIRE_SERVERS

/** @param at port of one that was there before; a free one by default */
export async function startRedis(at?: number): Promise<Redis> {
  const port = at ?? (await freePort())
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no']
  const redis = startProcess('redis-server', args, { name: 'redis' })
  await redis.waitForLine(/ready to accept connections/i)
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    process: redis,
    async close() {
      await redis.stop()
    },
  }
}
