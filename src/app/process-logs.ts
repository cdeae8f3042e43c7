/** The logs of a process: one for each of its services, with a file where there is a runtime directory. */
import type { Clock } from '../core/clock.ts'
import { everyMs, type Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import { createLog, droppedLine, type LogSinks, type ServiceLog, toServiceLog } from './log.ts'
import { type LogFile, openLogFile } from './log-file.ts'
import { droppedByStandardError } from './log-stderr.ts'

/** At most one line in that time about a log file that cannot be put aside. */
const SAY_EVERY_MS = 10_000

export class ProcessLogs {
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #given: Log | undefined
  readonly #files: LogFile[] = []
  readonly #logs = new Map<string, ServiceLog>()
  /** Who else takes lines. */
  readonly sinks: LogSinks = { also: undefined }

  /** @param given takes all lines instead of standard error and files */
  constructor(settings: Settings, clock: Clock, given: Log | undefined) {
    this.#settings = settings
    this.#clock = clock
    this.#given = given
  }

  /** Made when it is first asked for. */
  of(service: string): ServiceLog {
    let log = this.#logs.get(service)
    if (log === undefined) {
      log = this.#given === undefined ? this.#create(service) : toServiceLog(this.#given)
      this.#logs.set(service, log)
    }
    return log
  }

  /** Undefined: there is none of that service. */
  known(service: string): ServiceLog | undefined {
    return this.#logs.get(service)
  }

  /** Lines that nobody took. */
  get dropped(): number {
    return this.#files.reduce((sum, { outlet }) => sum + outlet.dropped, droppedByStandardError())
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map(({ outlet }) => outlet.close()))
  }

  #create(service: string): ServiceLog {
    const { runtimeDir, callKey, registry, log: format, debug, trace } = this.#settings
    const clock = this.#clock
    const told = droppedLine(service, 'json', clock)
    const said = everyMs(clock, SAY_EVERY_MS)
    const lost = (bytes: number, cause: unknown): void =>
      said(() =>
        log.warn(`runtime: a full log file could not be put aside, ${bytes} bytes of it are gone`, { err: cause }),
      )
    const name = this.#nameOf(service)
    const file = runtimeDir === undefined ? undefined : openLogFile(runtimeDir, name, { told, lost })
    if (file) this.#files.push(file)
    const log = createLog({
      ...{ service, format, debug, clock, file: file?.outlet, sinks: this.sinks },
      redact: trace.redact,
      secrets: [callKey, registry.password].filter((secret) => secret !== undefined),
    })
    return log
  }

  /** Nodes of one service with ports of their own keep files of their own. */
  #nameOf(service: string): string {
    return this.#settings.httpPort ? `${service}-${this.#settings.httpPort}` : service
  }
}
