/** The log for the code of users outside of handlers: that of the service that it runs for. */
import { systemClock } from '../core/clock.ts'
import { createLogger, type Log, type Logger } from '../core/log.ts'
import { contextAtHand } from '../service/context.ts'
import { callFields } from '../service/served-call.ts'
import { createLog } from './log.ts'

/** Who takes the lines, by the service that serves the call in progress; undefined: none is served. */
type LogOf = (service: string | undefined) => Log

let current: LogOf | undefined
let early: Log | undefined

/** For those who put a process together: tells whose log it is, or that nobody runs any more. */
export function setUserLog(logOf: LogOf | undefined): void {
  current = logOf
}

function target(): Log {
  if (current !== undefined) return current(contextAtHand()?.service)
  early ??= createLog({ service: 'goms', format: 'human', debug: false, clock: systemClock })
  return early
}

/**
 * The log of the process: lines go where those of the framework go, and carry service and node. Within a call they carry
 * its trace id, where that costs nothing to find out: in web applications, and in RPC handlers up to their first `await`;
 * the `log` of a handler's context always has it. Before anything is served lines go to standard error.
 */
export const log: Logger = createLogger(
  {
    debug: (message, fields) => target().debug(message, fields),
    info: (message, fields) => target().info(message, fields),
    warn: (message, fields) => target().warn(message, fields),
    error: (message, fields) => target().error(message, fields),
  },
  () => {
    const store = contextAtHand()
    return store === undefined ? {} : callFields(store.ended ? store.link : store.call)
  },
)
