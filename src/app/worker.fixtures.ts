/** Workers that are no processes: they answer as they are told, and end when somebody says so. */
import { createServer, type Server } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { type Channel, createChannel, type Handlers } from './process-channel.ts'
import type { StartWorker, WorkerProcess } from './worker-process.ts'
import type { Orders, Reports, WorkerReport } from './worker-protocol.ts'

export interface FakeWorker extends WorkerProcess {
  /** Names of what it was told, but for looks at its numbers. */
  readonly told: string[]
  readonly said: Channel<Reports>
  report: WorkerReport
  /** It ends by itself. */
  end(how: string): void
}

export interface FakeStart {
  readonly start: StartWorker
  /** All that were started, in order. */
  readonly started: FakeWorker[]
  /** What those that are started from now on do otherwise. */
  handlers: Partial<Handlers<Orders>>
}

export function fakeStart(clock: Clock): FakeStart {
  let pid = 100
  const fake: FakeStart = {
    started: [],
    handlers: {},
    start(index, reports) {
      const told: string[] = []
      let end: (how: string) => void = () => {}
      const exited = new Promise<string>((resolve) => {
        end = resolve
      })
      const over = (how: string): void => {
        channel.end(how)
        end(how)
      }
      const given = fake.handlers
      const listener: Server = createServer()
      const all: Handlers<Orders> = {
        ...{ load() {}, open() {}, connection() {}, view() {}, settings() {}, ready() {}, evidence() {} },
        ...{ drain() {}, lastAnswers() {}, idle() {} },
        listen: ({ port }) => ({ host: '127.0.0.1', port }),
        handOver: () => said.tell('listener', undefined, listener),
        report: () => worker.report,
        metrics: () => [],
        retire: () => over('exit code 0'),
        close: () => over('exit code 0'),
        ...given,
      }
      const said: Channel<Reports> = createChannel<Orders, Reports>(
        (message, handle, done) => {
          queueMicrotask(() => channel.receive(message, handle))
          done(null)
        },
        all,
        clock,
      )
      const channel: Channel<Orders> = createChannel<Reports, Orders>(
        (message, handle, done) => {
          const { name } = message as { name?: string }
          if (name !== undefined && name !== 'report' && name !== 'metrics') told.push(name)
          queueMicrotask(() => said.receive(message, handle))
          done(null)
        },
        { ...reports, up() {} },
        clock,
      )
      const report: WorkerReport = { connections: 0, inFlight: 0, sessions: 0, stats: [] }
      const worker: FakeWorker = {
        ...{ index, pid: pid++, channel, exited, told, said, report },
        kill: () => over('SIGKILL'),
        end: over,
      }
      fake.started.push(worker)
      return worker
    },
  }
  return fake
}

/** Lets everything happen that waits for nothing but its turn. */
export async function turns(count = 50): Promise<void> {
  for (let n = 0; n < count; n++) await Promise.resolve()
}
