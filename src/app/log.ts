/** Where the log goes: the original's human lines on standard error, or JSON; and JSON files under the runtime directory. */
import type { Clock } from '../core/clock.ts'
import type { Log, LogLevel } from '../core/log.ts'
import type { LogFile } from './log-file.ts'

export interface LogOptions {
  readonly service: string
  readonly format: 'human' | 'json'
  readonly debug: boolean
  readonly clock: Clock
  /** Takes one line with its line feed. @default standard error */
  readonly write?: ((line: string) => void) | undefined
  readonly file?: LogFile | undefined
}

/**
 * A log of one service. `fields.service` replaces the name in the brackets, so that a join is printed under the name
 * of the service that it is about, as the original does.
 */
export function createLog(options: LogOptions): Log {
  const write = options.write ?? ((line: string) => process.stderr.write(line))
  const say = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> | undefined): void => {
    if (level === 'debug' && !options.debug) return
    const atMs = options.clock.wallMs()
    if (options.format === 'json' || options.file) {
      const line = toJsonLine(atMs, level, options.service, message, fields)
      options.file?.write(line)
      if (options.format === 'json') {
        write(line)
        return
      }
    }
    write(toHumanLine(atMs, level, String(fields?.service ?? options.service), message))
  }
  return {
    debug: (message, fields) => say('debug', message, fields),
    info: (message, fields) => say('info', message, fields),
    warn: (message, fields) => say('warn', message, fields),
    error: (message, fields) => say('error', message, fields),
  }
}

/** `2021/08/10 11:08:01 [gateway] Http Listen on port: 8080`, in local time; levels above info are named. */
export function toHumanLine(atMs: number, level: LogLevel, service: string, message: string): string {
  const at = new Date(atMs)
  const two = (n: number): string => String(n).padStart(2, '0')
  const date = `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())}`
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return `${date} ${time} [${oneLine(service)}] ${level === 'info' ? '' : `${level}: `}${oneLine(message)}\n`
}

function toJsonLine(
  atMs: number,
  level: LogLevel,
  service: string,
  message: string,
  fields: Readonly<Record<string, unknown>> | undefined,
): string {
  return `${JSON.stringify({ time: new Date(atMs).toISOString(), level, service, msg: message, ...fields })}\n`
}

/** Control characters written out, so that what a client sends cannot forge a line of the log. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (c) => {
    return c === '\t' ? ' ' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
