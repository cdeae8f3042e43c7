import { expect, test } from 'vitest'
import { CALL_CODES, GomsError, SETUP_CODES } from '../core/errors.ts'
import { exitCodeOf, formatError, printError } from './error-output.ts'

function terminal(isTTY: boolean): { isTTY: boolean; text: string; write(text: string): void } {
  return {
    isTTY,
    text: '',
    write(text) {
      this.text += text
    },
  }
}

const error = new GomsError('GOMS_PORT_IN_USE', 'gateway: port 8080 is taken', {
  detail: {
    found: 'process 4711 (node)',
    expected: 'a free port',
    fix: ['stop it', 'or choose another: -http_port 8081'],
  },
})

test('a mistake is code, message, what was expected and found, and what to do; no stack trace', () => {
  expect(formatError(error)).toBe(`error[GOMS_PORT_IN_USE]: gateway: port 8080 is taken
  = expected: a free port
  = found: process 4711 (node)
  = help: stop it
  = help: or choose another: -http_port 8081
`)
})

test('what the message says already is not said again', () => {
  const twice = new GomsError('GOMS_USAGE', 'expected -a to be a port, got `x`', {
    detail: { expected: 'a port', found: '`x`' },
  })
  expect(formatError(twice)).toBe('error[GOMS_USAGE]: expected -a to be a port, got `x`\n')
})

test('notes stand below the bar of a frame', () => {
  const framed = new GomsError('GOMS_CONFIG_INVALID', 'm', {
    detail: { frame: '   --> a.yml:12:1\n    |\n 12 | x\n    | ^\n    |', fix: 'f' },
  })
  expect(formatError(framed)).toContain('\n    |\n    = help: f\n')
})

test('colours on a terminal only, and NO_COLOR is kept', () => {
  const colourful = terminal(true)
  expect(printError(error, colourful, {})).toBe(9)
  expect(colourful.text).toContain('\u001b[31m')
  for (const [isTTY, env] of [
    [false, {}],
    [true, { NO_COLOR: '1' }],
    [true, { TERM: 'dumb' }],
  ] as const) {
    const plain = terminal(isTTY)
    printError(error, plain, env)
    expect(plain.text).not.toContain('\u001b')
  }
})

test('an unforeseen exception is shown as a bug, with its stack', () => {
  const text = formatError(new TypeError('x is not a function'))
  expect(text).toContain('error[INTERNAL]')
  expect(text).toMatch(/TypeError: x is not a function\n\s+at /)
  expect(exitCodeOf(new TypeError('x'))).toBe(1)
})

test('each code has its exit code', () => {
  for (const code of Object.keys(SETUP_CODES)) expect(exitCodeOf(new GomsError(code, ''))).toBeGreaterThan(1)
  const exits = Object.fromEntries(Object.keys(CALL_CODES).map((code) => [code, exitCodeOf(new GomsError(code, ''))]))
  expect(exits).toMatchObject({
    NOT_FOUND: 4,
    UNAVAILABLE: 5,
    BAD_GATEWAY: 5,
    DEADLINE_EXCEEDED: 6,
    RESOURCE_EXHAUSTED: 7,
    OVERLOADED: 7,
    UNAUTHENTICATED: 8,
    PERMISSION_DENIED: 8,
    INTERNAL: 1,
    UNKNOWN: 1,
  })
  expect(exitCodeOf(new GomsError('USER_NOT_FOUND', ''))).toBe(1)
})

test('what an error says forges no line of the log', () => {
  const text = formatError(new Error('x\n2021/08/10 11:08:01 [gateway] forged\r\n2021/08/10 11:08:01 [gateway] too'))
  expect(text.split('\n').filter((line) => line.startsWith('2021'))).toEqual([])
  expect(text).toContain('\n    2021/08/10 11:08:01 [gateway] forged\n')
})
