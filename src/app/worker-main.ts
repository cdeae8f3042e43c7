/** The process of a worker. It lives as long as its primary, and leaves signals to it: all get those of a terminal. */
import * as nodeModule from 'node:module'
import { systemClock } from '../core/clock.ts'
import { Worker } from './worker.ts'

/** For the last words of a worker that has failed. */
const LAST_WORDS_MS = 500

// From Node 22.8 on: the second start skips compiling what the first one compiled.
Reflect.get(nodeModule, 'enableCompileCache')?.()
const exit = (code: number) => (): void => process.exit(code)
const worker = new Worker((message, handle, done) => process.send?.(message, handle, {}, done), systemClock, exit(0))
process.on('message', (message, handle) => worker.channel.receive(message, handle))
worker.channel.tell('up', undefined)
process.on('disconnect', exit(0))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

/** A bug in the gateway's own code: said with its stack, and the worker ends rather than go on in an unknown state. */
function crashed(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error)
  for (const line of text.split('\n')) worker.log.error(line)
  systemClock.after(LAST_WORDS_MS, exit(1))
  worker.channel.tell(
    'log',
    { level: 'error', message: 'worker: ends after that', fields: undefined },
    undefined,
    exit(1),
  )
}
process.on('unhandledRejection', crashed)
process.on('uncaughtException', crashed)
