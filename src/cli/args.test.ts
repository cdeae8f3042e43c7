import { expect, test } from 'vitest'
import { CONFIG_FLAGS, type Flag } from '../config/flags.ts'
import { GomsError } from '../core/errors.ts'
import { parseArguments, splitCommand } from './args.ts'
import { formatError } from './error-output.ts'

const flags: readonly Flag[] = [
  ...CONFIG_FLAGS,
  { name: 'watch', short: 'w', kind: 'boolean', en: 'keep showing', zh: '持续显示' },
  { name: 'count', short: 'n', kind: 'integer', en: 'how many', zh: '数量' },
]
const parse = (...argv: string[]) => parseArguments(argv, flags)

function mistake(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof GomsError && error.code === 'GOMS_USAGE') return formatError(error)
    throw error
  }
  throw new Error('expected a mistake')
}

test.each([
  [['-http_port', '8080']],
  [['--http-port', '8080']],
  [['--http_port=8080']],
  [['-http-port=8080']],
  [['--httpPort', '8080']],
  [['-http_port', '1', '-http_port', '8080']],
])('%j is the HTTP port', (argv) => {
  expect(parse(...argv)).toEqual({ flags: { 'http-port': 8080 }, positionals: [] })
})

test('the flags of the original readme', () => {
  expect(
    parse(
      '-http_port',
      '9080',
      '-rpc_port',
      '9180',
      '-etcd_addr',
      '127.0.0.1:2379|127.0.0.1:2380',
      '-configs',
      'configs',
      '-runtime',
      'runtime',
    ),
  ).toEqual({
    flags: {
      configs: 'configs',
      'http-port': 9080,
      'rpc-port': 9180,
      'etcd-addr': ['127.0.0.1:2379', '127.0.0.1:2380'],
      runtime: 'runtime',
    },
    positionals: [],
  })
})

test('lists by repetition, comma and bar', () => {
  expect(parse('-etcd_addr', 'a:1,b:2', '--etcd-addr=c:3|d:4').flags).toEqual({
    'etcd-addr': ['a:1', 'b:2', 'c:3', 'd:4'],
  })
})

test('booleans with and without a value, and short flags', () => {
  expect(parse('-debug').flags).toEqual({ debug: true })
  expect(parse('-debug=false').flags).toEqual({ debug: false })
  expect(parse('--no-debug').flags).toEqual({ debug: false })
  expect(parse('-w', '-n', '3', 'user').flags).toEqual({ watch: true, count: 3 })
})

test('positionals stay: JSON, a dash, negative numbers, and all behind two dashes', () => {
  expect(parse('user.exists', '{"a":-1}', '-', '-w').positionals).toEqual(['user.exists', '{"a":-1}', '-'])
  expect(parse('add', '-5', '-debug', '7')).toEqual({ flags: { debug: true }, positionals: ['add', '-5', '7'] })
  expect(parse('-debug', '--', '-http_port', '--x').positionals).toEqual(['-http_port', '--x'])
  expect(parse('username=bob', 'a=-b').positionals).toEqual(['username=bob', 'a=-b'])
})

test('a value may begin with a dash where no flag is called that', () => {
  expect(parse('-runtime', '-x-').flags).toEqual({ runtime: '-x-' })
})

test.each([
  [['-htp_port', '1'], 'error[GOMS_USAGE]: unknown flag "-htp_port"\n  = help: did you mean "-http_port"?\n'],
  [['--htp-port=1'], 'error[GOMS_USAGE]: unknown flag "--htp-port"\n  = help: did you mean "--http-port"?\n'],
  [['-x'], 'error[GOMS_USAGE]: unknown flag "-x"\n  = help: see `goms help` for the flags of this command\n'],
  [['-http_port', '70000'], 'error[GOMS_USAGE]: expected -http_port to be a port from 0 to 65535, got `"70000"`\n'],
  [['--rpc-port=-1'], 'error[GOMS_USAGE]: expected -rpc_port to be a port from 0 to 65535, got `"-1"`\n'],
  [
    ['-http_port'],
    'error[GOMS_USAGE]: -http_port needs a value: a port from 0 to 65535\n  = help: for example -http_port 8080\n',
  ],
  [
    ['-http_port', '-rpc_port', '1'],
    'error[GOMS_USAGE]: -http_port needs a value: a port from 0 to 65535\n  = help: for example -http_port 8080\n',
  ],
  [
    ['-log', 'jsn'],
    'error[GOMS_USAGE]: expected -log to be one of human, json, got `"jsn"`\n  = help: did you mean "json"?\n',
  ],
  [['-debug=maybe'], 'error[GOMS_USAGE]: expected -debug to be true or false, got `"maybe"`\n'],
  [['-timeout', '2s'], 'error[GOMS_USAGE]: expected -timeout to be whole milliseconds, got `"2s"`\n'],
  [['-runtime='], 'error[GOMS_USAGE]: expected -runtime to be a text, got `""`\n'],
  [
    ['-etcd_addr', ''],
    'error[GOMS_USAGE]: expected -etcd_addr to be a list such as "127.0.0.1:2379|127.0.0.1:2380", got `""`\n',
  ],
  [
    ['-etcd_password', 'hunter2'],
    'error[GOMS_USAGE]: -etcd_password is no flag, since everybody on the machine could read it\n  = help: set GOMS_ETCD_PASSWORD in the environment, or etcdPassword in configs/config.yml\n',
  ],
])('%j is refused', (argv, expected) => {
  expect(mistake(() => parse(...argv))).toBe(expected)
})

test('the command comes first, and a mistyped one is named', () => {
  const commands = ['demo', 'start', 'nodes']
  expect(splitCommand(['start', 'a.ts', '-w'], commands)).toEqual({ command: 'start', rest: ['a.ts', '-w'] })
  expect(splitCommand(['-w'], commands)).toEqual({ command: undefined, rest: ['-w'] })
  expect(splitCommand([], commands)).toEqual({ command: undefined, rest: [] })
  expect(mistake(() => splitCommand(['strat'], commands))).toBe(
    'error[GOMS_USAGE]: unknown command "strat"\n  = help: did you mean "start"?\n  = help: commands: demo, start, nodes\n',
  )
})

test('no two flags share a spelling, a variable or a key', () => {
  const unique = (values: readonly (string | undefined)[]) => {
    const given = values.filter((value) => value !== undefined)
    expect(new Set(given).size).toBe(given.length)
  }
  unique(CONFIG_FLAGS.map((flag) => flag.name.replaceAll('-', '')))
  unique(CONFIG_FLAGS.map((flag) => flag.env))
  unique(CONFIG_FLAGS.map((flag) => flag.key?.join('.')))
})
