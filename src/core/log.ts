/** The log as the rooms see it: levels, a line, and fields that a JSON log keeps. Where it goes is decided in `app/`. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/**
 * In the fields of a line: it stays in this process. What tells of the failing of a sink of lines must not become a line for
 * that sink.
 */
export const STAYS_HERE: unique symbol = Symbol('goms.log.staysHere')

/**
 * What a line says besides its message. `traceId` and `requestId` name the call, `err` is an error, with its stack; `service`
 * and `node` are those that the line is about, where that is not who writes it.
 */
export type LogFields = Readonly<Record<string, unknown>> & { readonly [STAYS_HERE]?: true }

export interface Log {
  /** Whoever speaks: the service name in the brackets of a human line. */
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** A log for the code of users: it can be given fields that all its lines have. */
export interface Logger extends Log {
  /** The same log, with these fields in each line; a line's own go before. */
  child(fields: LogFields): Logger
}

/** A line as data, for whoever takes lines beside standard error and files. */
export interface LogRecord extends Readonly<Record<string, unknown>> {
  /** ISO 8601, UTC, with milliseconds. */
  readonly time: string
  readonly level: LogLevel
  readonly service: string
  /** `<rpc address>_<http address>`; undefined until it is known. */
  readonly node: string | undefined
  readonly msg: string
}

/** A request as the gateway's access log tells of it. One object is used again and again: whoever keeps it copies it. */
export interface AccessEntry {
  /** Its end, by the wall clock. */
  readonly atMs: number
  readonly method: string
  /** Without the query: what stands there may be a secret. */
  readonly path: string
  readonly status: number
  /** Of the answer's body, as it was sent. */
  readonly bytes: number
  readonly durationMs: number
  /** Who, or what, ended the exchange before the answer was out. */
  readonly cut: 'node' | 'deadline' | 'client' | undefined
  /** Of the route; undefined where there was none. */
  readonly service: string | undefined
  readonly action: string | undefined
  /** Node of the last attempt. */
  readonly node: string | undefined
  readonly attempts: number
  /** Address of the client, as far as proxies are trusted. */
  readonly client: string
  readonly requestId: string | undefined
  readonly traceId: string | undefined
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** The log of a process: beside lines it takes what the gateway tells of each request. */
export interface ProcessLog extends Log {
  access(entry: AccessEntry): void
}

/** What a line says of where it comes from: whatever users tell of, often what a client sent, must not say that. */
const ORIGIN: ReadonlySet<string> = new Set(['time', 'level', 'msg', 'service', 'node', 'traceId', 'requestId'])

/** Those of a user with such a name get another one: `service_`. */
function withoutOrigin(fields: LogFields): LogFields {
  const names = Object.keys(fields)
  if (!names.some((name) => ORIGIN.has(name))) return fields
  return Object.fromEntries(names.map((name) => [ORIGIN.has(name) ? `${name}_` : name, fields[name]]))
}

/**
 * A log for the code of users.
 * @param fields asked for with each line
 */
export function createLogger(log: Log, fields?: () => LogFields): Logger {
  const all = (own: LogFields | undefined): LogFields | undefined => {
    if (own === undefined || own === null) return fields?.()
    return { ...fields?.(), ...(own instanceof Error ? { err: own } : withoutOrigin(own)) }
  }
  return {
    debug: (message, own) => log.debug(message, all(own)),
    info: (message, own) => log.info(message, all(own)),
    warn: (message, own) => log.warn(message, all(own)),
    error: (message, own) => log.error(message, all(own)),
    child(more) {
      const kept = withoutOrigin(more)
      return createLogger(log, () => ({ ...fields?.(), ...kept }))
    },
  }
}

/** Lines that begin with what they are about. */
export function prefixed(log: Log, about: string): Log {
  return {
    debug: (message, fields) => log.debug(`${about}: ${message}`, fields),
    info: (message, fields) => log.info(`${about}: ${message}`, fields),
    warn: (message, fields) => log.warn(`${about}: ${message}`, fields),
    error: (message, fields) => log.error(`${about}: ${message}`, fields),
  }
}

/** Says a thing at most once per `everyMs`, so that a lasting fault fills no log. */
export function everyMs(clock: { now(): number }, intervalMs: number): (say: () => void) => void {
  let last = Number.NEGATIVE_INFINITY
  return (say) => {
    const now = clock.now()
    if (now - last < intervalMs) return
    last = now
    say()
  }
}
