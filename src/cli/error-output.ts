/** How an error is shown to a person: code, message, frame and what to do; a stack trace only for bugs. */
import { styleText } from 'node:util'
import { CALL_CODES, EXIT, GomsError, isSetupCode, SETUP_CODES } from '../core/errors.ts'

/** Where errors are printed: standard error, or what a test gives. */
export interface ErrorStream {
  readonly isTTY?: boolean | undefined
  write(text: string): unknown
}

const CALL_EXITS: Readonly<Partial<Record<string, number>>> = {
  CANCELLED: 130,
  NOT_FOUND: EXIT.NOT_FOUND,
  UNIMPLEMENTED: EXIT.NOT_FOUND,
  UNAVAILABLE: EXIT.UNAVAILABLE,
  BAD_GATEWAY: EXIT.UNAVAILABLE,
  DEADLINE_EXCEEDED: EXIT.DEADLINE,
  RESOURCE_EXHAUSTED: EXIT.REFUSED,
  OVERLOADED: EXIT.REFUSED,
  DRAINING: EXIT.REFUSED,
  UNAUTHENTICATED: EXIT.UNAUTHENTICATED,
  PERMISSION_DENIED: EXIT.UNAUTHENTICATED,
}

/** The exit code for an error: by the table of its code, 1 for anything unknown. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof GomsError)) return EXIT.FAILED
  if (isSetupCode(error.code)) return SETUP_CODES[error.code].exitCode
  return CALL_EXITS[error.code] ?? EXIT.FAILED
}

/** Prints an error and returns the exit code. Colours on a terminal only, and none with `NO_COLOR`. */
export function printError(
  error: unknown,
  stream: ErrorStream = process.stderr,
  env: Readonly<Record<string, string | undefined>> = process.env,
): number {
  stream.write(formatError(error, hasColours(stream, env)))
  return exitCodeOf(error)
}

/** On a terminal only, and not with `NO_COLOR`. */
export function hasColours(
  stream: ErrorStream,
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return stream.isTTY === true && (env.NO_COLOR === undefined || env.NO_COLOR === '') && env.TERM !== 'dumb'
}

/** The text that {@link printError} writes, with its last newline. */
export function formatError(error: unknown, colour = false): string {
  if (!(error instanceof GomsError)) return formatBug(error, colour)
  const all = error.cause instanceof AggregateError ? error.cause.errors.filter((one) => one instanceof GomsError) : []
  if (all.length < 2) return formatOne(error, colour)
  return `${all.map((one) => formatOne(one, colour)).join('\n')}\n${all.length} mistakes, nothing was done\n`
}

function formatOne(error: GomsError, colour: boolean): string {
  const detail = error.detail
  const frame = detail?.frame
  const lines = [`${paint('red', `error[${error.code}]`, colour)}: ${error.message}`]
  if (frame !== undefined) lines.push(colour ? paintFrame(frame) : frame)
  // The notes stand below the bar of the frame.
  const indent = ' '.repeat(frame === undefined ? 2 : frame.indexOf('-->') + 1)
  const note = (name: string, text: string): void => {
    lines.push(`${indent}${paint('cyan', '=', colour)} ${name}: ${text}`)
  }
  if (detail?.expected !== undefined && !error.message.includes(detail.expected)) note('expected', detail.expected)
  if (detail?.found !== undefined && !error.message.includes(detail.found)) note('found', detail.found)
  for (const fix of [detail?.fix ?? []].flat()) note('help', fix)
  if (error.code === 'INTERNAL') lines.push(stackOf(error.cause ?? error))
  return `${lines.join('\n')}\n`
}

/** Anything that is no GomsError was not foreseen. */
function formatBug(error: unknown, colour: boolean): string {
  return `${paint('red', 'error[INTERNAL]', colour)}: ${CALL_CODES.INTERNAL.meaning.split(';')[0]}\n${stackOf(error)}\n`
}

/** What an error says may come from outside: only its first line stands at the margin, so that none is taken for one of the log. */
function stackOf(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error)
  return text.replaceAll(/\r\n|[\n\r\u0085\u2028\u2029]/g, '\n    ')
}

function paintFrame(frame: string): string {
  return frame
    .replace(/^( *)-->/, (_, space: string) => `${space}${paint('cyan', '-->', true)}`)
    .replace(/^( *\d* \|)/gm, (bar) => paint('cyan', bar, true))
    .replace(/(\^+.*)$/m, (carets) => paint('red', carets, true))
}

/** Only with what Node's own table of styles knows; the stream was asked by the caller. */
function paint(style: 'red' | 'cyan', text: string, colour: boolean): string {
  return colour ? styleText(style, text, { validateStream: false }) : text
}
