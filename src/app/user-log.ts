/** The log for the code of users outside of handlers: that of the service that it runs for. */
import { systemClock } from '../core/clock.ts'
import { createLogger, type Log, type Logger } from '../core/log.ts'
import { contextAtHand } from '../service/context.ts'
import { callFields } from '../service/served-call.ts'
import { createLog } from './log.ts'
import { flushStandardError } from './log-stderr.ts'

/** Who takes the lines, by the service that serves the call in progress; undefined: none is served. */
type LogOf = (service: string | undefined) => Log

/** Lines of modules that are loaded before anything is served; they wait for the log that is to come. */
const MAX_EARLY = 256
/** Who serves nothing sees them all the same. */
const EARLY_MS = 1000

let current: LogOf | undefined
/** Undefined once a log was there. */
let early: ((log: Log) => void)[] | undefined = []
let plain: Log | undefined

/** For those who put a process together: tells whose log it is, or that nobody runs any more. */
export function setUserLog(logOf: LogOf | undefined): void {
  current = logOf
  if (logOf !== undefined) writeEarly(logOf(undefined))
}

function target(): Log {
  return current === undefined ? plainLog() : current(contextAtHand()?.service)
}

function plainLog(): Log {
  plain ??= createLog({ service: 'goms', format: 'human', debug: false, clock: systemClock })
  return plain
}

function say(write: (log: Log) => void): void {
  if (current !== undefined || early === undefined || early.length >= MAX_EARLY) write(target())
  else if (early.push(write) === 1) {
    setTimeout(() => writeEarly(plainLog()), EARLY_MS).unref()
    process.once('exit', () => {
      writeEarly(plainLog())
      flushStandardError()
    })
  }
}

function writeEarly(log: Log): void {
  const lines = early ?? []
  early = undefined
  for (const write of lines) write(log)
}

/**
 * The log of the process: lines go where those of the framework go, and carry service and node. Within a call they carry
 * its trace id, where that costs nothing to find out: in web applications, and in RPC handlers up to their first `await`;
 * the `log` of a handler's context always has it. Lines from before anything is served wait for its
 * log, a second at most; then they go to standard error.
 */
export const log: Logger = createLogger(
  {
    debug: (message, fields) => say((log) => log.debug(message, fields)),
    info: (message, fields) => say((log) => log.info(message, fields)),
    warn: (message, fields) => say((log) => log.warn(message, fields)),
    error: (message, fields) => say((log) => log.error(message, fields)),
  },
  () => {
    const store = contextAtHand()
    return store === undefined ? {} : callFields(store.ended ? store.link : store.call)
  },
)
