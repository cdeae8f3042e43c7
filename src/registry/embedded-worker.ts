/** The embedded registry's server in a thread of its own, so that a busy service does not hold up everybody's leases. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../core/clock.ts'
import { createEmbeddedServer } from './embedded-server.ts'
import type { FromWorker, ThreadOptions, ToWorker } from './embedded-thread.ts'

const server = createEmbeddedServer({ clock: systemClock, ...(workerData as ThreadOptions) })

function say(message: FromWorker): void {
  parentPort?.postMessage(message)
}

parentPort?.on('message', async (message: ToWorker) => {
  if (message.type === 'close') {
    await server.close()
    say({ type: 'closed' })
    parentPort?.close()
    return
  }
  try {
    say({ type: 'listening', asked: message.port, port: await server.listen(message.port) })
  } catch (thrown) {
    const { code = 'UNKNOWN', message: text } = thrown as NodeJS.ErrnoException
    say({ type: 'failed', asked: message.port, code, message: text })
  }
})
say({ type: 'ready', memberId: server.memberId })
