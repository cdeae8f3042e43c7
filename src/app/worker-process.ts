/** One worker as its primary sees it: a process that was started, the channel to it, and how it ended. */
import { type ChildProcess, fork } from 'node:child_process'
import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../core/clock.ts'
import { type Channel, createChannel, type Handlers } from './process-channel.ts'
import type { Orders, Reports } from './worker-protocol.ts'

/**
 * How workers share the port. `reuse-port`: each has a listener of its own, and the system distributes connections.
 * `cluster`: this process accepts and deals them out in turn, which costs about twice as much on short connections.
 */
export type Sharing = 'reuse-port' | 'cluster'

export interface WorkerProcess {
  /** Its place among the workers, from 0. */
  readonly index: number
  readonly pid: number
  readonly channel: Channel<Orders>
  /** Resolves to how it ended: `SIGKILL`, `exit code 1`. */
  readonly exited: Promise<string>
  kill(): void
}

/** Starts a worker that has nothing to do yet. */
export type StartWorker = (index: number, handlers: Omit<Handlers<Reports>, 'up'>) => WorkerProcess

/** From the end of a process to that of its channel. */
const LAST_WORDS_MS = 200

const MAIN: string = fileURLToPath(
  new URL(`./worker-main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
)

export function workerStarter(sharing: Sharing, clock: Clock): StartWorker {
  // A port for a debugger is one process's.
  const execArgv = process.execArgv.filter((arg) => !arg.startsWith('--inspect'))
  const start =
    sharing === 'cluster' ? clusterStarter(execArgv) : () => fork(MAIN, [], { execArgv, serialization: 'advanced' })
  return (index, handlers) => {
    const child = start()
    let hears: () => void = () => {}
    const up = new Promise<void>((resolve) => {
      hears = resolve
    })
    const channel = createChannel<Reports, Orders>(
      // What comes before its listener is lost: with `cluster` of Node 20, where the listener's module is awaited.
      (message, handle, done) => void up.then(() => child.send(message, handle, {}, done)),
      { ...handlers, up: hears },
      clock,
    )
    child.on('message', (message, handle) => channel.receive(message, handle))
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('exit', (code, signal) => {
        const how = signal ?? `exit code ${code}`
        // Its last words may still be on their way.
        if (!child.connected) return resolve(how)
        child.once('disconnect', () => resolve(how))
        clock.after(LAST_WORDS_MS, () => resolve(how))
      })
    })
    exited.then((how) => channel.end(how))
    return { index, pid: child.pid ?? -1, channel, exited, kill: () => void child.kill('SIGKILL') }
  }
}

function clusterStarter(execArgv: string[]): () => ChildProcess {
  // In turn: left to the system, the listener that is shared gives most connections to few of the workers, and each of
  // them has but its share of the limits. https://nodejs.org/docs/latest-v20.x/api/cluster.html#how-it-works
  cluster.schedulingPolicy = cluster.SCHED_RR
  cluster.setupPrimary({ exec: MAIN, args: [], execArgv, serialization: 'advanced' })
  return () => cluster.fork().process
}
