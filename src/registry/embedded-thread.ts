/** Starts the embedded registry's server: in a worker thread where its built file is beside this one, else in this thread. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type Clock, systemClock } from '../core/clock.ts'
import { createEmbeddedServer } from './embedded-server.ts'

export type ToWorker = { readonly type: 'listen'; readonly port: number } | { readonly type: 'close' }
export type FromWorker =
  | { readonly type: 'ready'; readonly memberId: bigint }
  | { readonly type: 'listening'; readonly asked: number; readonly port: number }
  | { readonly type: 'failed'; readonly asked: number; readonly code: string; readonly message: string }
  | { readonly type: 'closed' }

export interface ThreadOptions {
  readonly startRevision: bigint
  /** What is there from the start, by key. */
  readonly seed: Readonly<Record<string, string>>
}

export interface EmbeddedThread {
  readonly memberId: bigint
  /** @throws the system's error with its `code`, EADDRINUSE for one */
  listen(port: number): Promise<number>
  close(): Promise<void>
  /** Resolves when it has ended, by `close` or by itself. */
  readonly ended: Promise<void>
}

const CLOSE_TIMEOUT_MS = 500
const START_TIMEOUT_MS = 5000

export async function startThread(clock: Clock, options: ThreadOptions): Promise<EmbeddedThread> {
  const file = fileURLToPath(new URL('./embedded-worker.js', import.meta.url))
  // Under a test runner or a loader the sources run as they are, and there is no file that a bare worker could load.
  return existsSync(file) ? inWorker(file, options) : inThread(clock, options)
}

function inThread(clock: Clock, options: ThreadOptions): EmbeddedThread {
  const server = createEmbeddedServer({ clock, ...options })
  let tellEnded: () => void
  const ended = new Promise<void>((resolve) => {
    tellEnded = resolve
  })
  return {
    memberId: server.memberId,
    listen: server.listen,
    ended,
    async close() {
      await server.close()
      tellEnded()
    },
  }
}

async function inWorker(file: string, options: ThreadOptions): Promise<EmbeddedThread> {
  // No loaders, no inspector: a bare thread starts in a few ten milliseconds.
  const worker = new Worker(file, { workerData: options, execArgv: [], name: 'goms-embedded' })
  worker.on('error', () => {})
  const ended = new Promise<void>((resolve) => worker.on('exit', () => resolve()))

  /** The first message that `pick` takes, or undefined when the worker is gone or the time is over. */
  function first<T>(timeoutMs: number, pick: (message: FromWorker) => T | undefined): Promise<T | undefined> {
    return new Promise((resolve) => {
      const timer = systemClock.after(timeoutMs, () => done(undefined))
      function done(result: T | undefined): void {
        timer.cancel()
        worker.off('message', onMessage)
        resolve(result)
      }
      function onMessage(message: FromWorker): void {
        const picked = pick(message)
        if (picked !== undefined) done(picked)
      }
      worker.on('message', onMessage)
      void ended.then(() => done(undefined))
    })
  }

  const say = (message: ToWorker): void => worker.postMessage(message)
  const memberId = await first(START_TIMEOUT_MS, (m) => (m.type === 'ready' ? m.memberId : undefined))
  // The registry keeps no process alive: its services do.
  worker.unref()
  if (memberId === undefined) {
    await worker.terminate()
    throw new Error('embedded registry: its thread did not start')
  }
  return {
    memberId,
    ended,
    async listen(port) {
      worker.ref()
      const answer = first(START_TIMEOUT_MS, (m) => ('asked' in m && m.asked === port ? m : undefined))
      say({ type: 'listen', port })
      const result = await answer
      worker.unref()
      if (result?.type === 'listening') return result.port
      throw Object.assign(new Error(result?.message ?? 'embedded registry: its thread ended'), {
        code: result?.code ?? 'UNKNOWN',
      })
    },
    async close() {
      worker.ref()
      const closed = first(CLOSE_TIMEOUT_MS, (m) => m.type === 'closed')
      say({ type: 'close' })
      await closed
      await worker.terminate()
    },
  }
}
