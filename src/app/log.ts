/** Where the log goes: the original's human lines on standard error, or JSON; and JSON files under the runtime directory. */
import type { Clock } from '../core/clock.ts'
import type { AccessEntry, Log, LogFields, LogLevel, LogRecord, ProcessLog } from '../core/log.ts'
import { STAYS_HERE } from '../core/log.ts'
import { createSecretNames, type IsSecret } from '../telemetry/secret-names.ts'
import { toAccessRecord, toHumanAccess, toHumanLine, toJsonAccess, toJsonLine, toRecord } from './log-line.ts'
import type { Outlet } from './log-outlet.ts'
import { standardError } from './log-stderr.ts'

export interface LogOptions {
  readonly service: string
  readonly format: 'human' | 'json'
  readonly debug: boolean
  readonly clock: Clock
  /** Takes lines with their line feeds. @default standard error */
  readonly outlet?: Pick<Outlet, 'write' | 'writeLater'> | undefined
  readonly file?: Pick<Outlet, 'write' | 'writeLater'> | undefined
  readonly sinks?: LogSinks | undefined
  /** Names of further fields that are secrets. */
  readonly redact?: readonly string[] | undefined
  /** Texts that no line may hold: keys and passwords of the settings. */
  readonly secrets?: readonly string[] | undefined
}

/** Who else takes the lines of this process; may be set while it runs. */
export interface LogSinks {
  /** Takes each line as data, but for those with {@link STAYS_HERE}. Never throws, and never waits. */
  also: ((record: LogRecord) => void) | undefined
}

/** The log of one service. */
export interface ServiceLog extends ProcessLog {
  /** `<rpc address>_<http address>`, once it is known. */
  node: string | undefined
}

/**
 * A log of one service. `fields.service` replaces the name in the brackets, so that a join is printed under the name
 * of the service that it is about, as the original does.
 */
export function createLog(options: LogOptions): ServiceLog {
  return new CreatedLog(options)
}

/** The line that tells how many others were dropped. */
export function droppedLine(service: string, format: 'human' | 'json', clock: Clock): (dropped: number) => string {
  return (dropped) => {
    const message = `${dropped} ${dropped === 1 ? 'line' : 'lines'} of the log dropped: more than could be written`
    if (format === 'human') return toHumanLine(clock.wallMs(), 'warn', service, message)
    return toJsonLine(toRecord(clock.wallMs(), 'warn', service, undefined, message, { dropped }))
  }
}

class CreatedLog implements ServiceLog {
  node: string | undefined
  readonly #options: LogOptions
  readonly #outlet: Pick<Outlet, 'write' | 'writeLater'>
  readonly #hide: (line: string) => string
  readonly #isSecret: IsSecret

  constructor(options: LogOptions) {
    const { service, format, clock, secrets = [], redact = [] } = options
    this.#options = options
    this.#outlet = options.outlet ?? standardError(droppedLine(service, format, clock))
    this.#hide = hiding(secrets)
    this.#isSecret = createSecretNames(redact)
  }

  // Bound: handlers take their log apart.
  readonly debug = (message: string, fields?: LogFields): void => {
    if (this.#options.debug) this.#say('debug', message, fields)
  }
  readonly info = (message: string, fields?: LogFields): void => this.#say('info', message, fields)
  readonly warn = (message: string, fields?: LogFields): void => this.#say('warn', message, fields)
  readonly error = (message: string, fields?: LogFields): void => this.#say('error', message, fields)

  #say(level: LogLevel, said: unknown, given: LogFields | undefined): void {
    const { service, format, debug, clock, file, sinks } = this.#options
    const atMs = clock.wallMs()
    // Programs that are not checked give errors where fields are meant.
    const fields = given instanceof Error ? { err: given } : given
    const record = toRecord(atMs, level, service, this.node, String(said), fields, this.#isSecret)
    if (file !== undefined || format === 'json') {
      const line = this.#hide(toJsonLine(record))
      file?.write(line)
      if (format === 'json') this.#outlet.write(line)
    }
    if (format === 'human') {
      const { time: _, level: __, msg, service: about, ...more } = record
      this.#outlet.write(this.#hide(toHumanLine(atMs, level, String(about), msg, more)))
      if (debug) this.#showStack(atMs, service, fields?.err)
    }
    if (sinks?.also !== undefined && fields?.[STAYS_HERE] !== true) sinks.also(this.#hidden(record))
  }

  /** A line each, so that none can be taken for one of somebody else. */
  #showStack(atMs: number, service: string, err: unknown): void {
    if (!(err instanceof Error) || err.stack === undefined) return
    for (const line of err.stack.split('\n', 30).slice(1)) {
      this.#outlet.write(this.#hide(toHumanLine(atMs, 'debug', service, line)))
    }
  }

  readonly access = (entry: AccessEntry): void => {
    const { service, format, file, sinks } = this.#options
    const { atMs } = entry
    if (file !== undefined || format === 'json') {
      const line = this.#hide(toJsonAccess(atMs, service, this.node, entry))
      file?.writeLater(line)
      if (format === 'json') this.#outlet.writeLater(line)
    }
    if (format === 'human') this.#outlet.writeLater(this.#hide(toHumanAccess(atMs, service, entry)))
    sinks?.also?.(this.#hidden(toAccessRecord(atMs, service, this.node, entry)))
  }

  #hidden(record: LogRecord): LogRecord {
    const text = JSON.stringify(record)
    const hidden = this.#hide(text)
    return hidden === text ? record : (JSON.parse(hidden) as LogRecord)
  }
}

/** Somebody's own log as that of a process. */
export function toServiceLog(log: Log): ServiceLog {
  return {
    node: undefined,
    debug: (message, fields) => log.debug(message, fields),
    info: (message, fields) => log.info(message, fields),
    warn: (message, fields) => log.warn(message, fields),
    error: (message, fields) => log.error(message, fields),
    access: (entry) => log.info(`${entry.method} ${entry.path} ${entry.status}`, { ...entry }),
  }
}

/** Shorter ones are words that a line may hold. */
const MIN_SECRET_CHARS = 8
const HIDDEN = '[redacted]'
/** Names and passwords in addresses. */
const USER_INFO = /:\/\/[^\s/@:"]*:[^\s/@"]+@/g

function hiding(secrets: readonly string[]): (line: string) => string {
  const texts = new Set<string>()
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET_CHARS) continue
    texts.add(secret)
    texts.add(JSON.stringify(secret).slice(1, -1))
  }
  return (line) => {
    let hidden = line
    for (const text of texts) if (hidden.includes(text)) hidden = hidden.replaceAll(text, HIDDEN)
    return hidden.includes('@') ? hidden.replace(USER_INFO, `://${HIDDEN}@`) : hidden
  }
}
