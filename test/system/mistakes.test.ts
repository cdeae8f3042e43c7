/** What people get wrong: one error with its code and the way out, the documented exit code, and no stack trace. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freePort, killAll, startGoms } from '../support/processes.ts'

const echo = join(import.meta.dirname, '..', 'fixtures', 'echo.mjs')
let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'goms-mistakes-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))
afterEach(killAll)

/** A directory of configuration files. */
function configs(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(dir, name)
  mkdirSync(path)
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text)
  return path
}

function file(name: string, text: string): string {
  writeFileSync(join(dir, name), text)
  return join(dir, name)
}

interface Mistake {
  readonly what: string
  readonly args: (freePort: number) => readonly string[]
  readonly code: string
  readonly exit: number
  /** What the message must name. */
  readonly names: RegExp
  readonly env?: Readonly<Record<string, string>>
}

const memory = ['--registry', 'memory', '-http_port', '0', '-rpc_port', '0']

const mistakes: readonly Mistake[] = [
  { what: 'an unknown command', args: () => ['strat'], code: 'GOMS_USAGE', exit: 2, names: /start/ },
  {
    what: 'an unknown flag',
    args: () => ['start', echo, '-http_prot', '0'],
    code: 'GOMS_USAGE',
    exit: 2,
    names: /http[-_]port/,
  },
  {
    what: 'a port out of range',
    args: () => ['start', echo, '-http_port', '70000'],
    code: 'GOMS_USAGE',
    exit: 2,
    names: /70000/,
  },
  {
    what: 'a service file that is not there',
    args: () => ['start', 'nowhere.ts', ...memory],
    code: 'GOMS_SERVICE_FILE',
    exit: 3,
    names: /nowhere\.ts/,
  },
  {
    what: 'a service file that exports nothing',
    args: () => ['start', file('empty.mjs', 'export const a = 1\n'), ...memory],
    code: 'GOMS_SERVICE_FILE',
    exit: 3,
    names: /export default/,
  },
  {
    what: 'a service file that throws',
    args: () => ['start', file('throws.mjs', 'throw new Error("no database")\n'), ...memory],
    code: 'GOMS_SERVICE_FILE',
    exit: 3,
    names: /no database/,
  },
  {
    what: 'a directory for a service file',
    args: () => ['start', dir, ...memory],
    code: 'GOMS_SERVICE_FILE',
    exit: 3,
    names: /this is no file/,
  },
  {
    what: 'a module in a package that is none',
    args: () => {
      const files = { 'package.json': '{"type":"commonjs"}', 'user.js': "import { service } from 'goms'\n" }
      return ['start', join(configs('commonjs', files), 'user.js'), ...memory]
    },
    code: 'GOMS_SERVICE_FILE',
    exit: 3,
    names: /"type": "module"/,
  },
  {
    what: 'an unknown key',
    args: () => [
      'start',
      echo,
      ...memory,
      '-configs',
      configs('unknown', { 'services.yml': 'services:\n  echo:\n    echo: { path: /echo, limitter: 5/100 }\n' }),
    ],
    code: 'GOMS_CONFIG_UNKNOWN_KEY',
    exit: 3,
    names: /services\.yml:3:26[\s\S]*did you mean "limiter"/,
  },
  {
    what: 'YAML that is none',
    args: () => ['start', echo, ...memory, '-configs', configs('yaml', { 'config.yml': 'projectName: "goms\n' })],
    code: 'GOMS_CONFIG_SYNTAX',
    exit: 3,
    names: /config\.yml:\d+:\d+/,
  },
  {
    what: 'a project name with _',
    args: () => ['start', echo, ...memory, '-configs', configs('name', { 'config.yml': 'projectName: a_b\n' })],
    code: 'GOMS_NAME_INVALID',
    exit: 3,
    names: /a_b/,
  },
  {
    what: 'one port for both HTTP and RPC',
    args: (port) => ['start', echo, '--registry', 'memory', '-http_port', String(port), '-rpc_port', String(port)],
    code: 'GOMS_PORT_IN_USE',
    exit: 9,
    names: /taken by this process itself|is taken\n/,
  },
  {
    what: 'an empty address of etcd',
    args: () => ['start', echo, '-http_port', '0', '-etcd_addr', ''],
    code: 'GOMS_USAGE',
    exit: 2,
    names: /-etcd_addr/,
  },
  {
    what: 'a place for logs that cannot be one',
    args: () => ['start', echo, ...memory, '-runtime', file('no-directory', '')],
    code: 'GOMS_CONFIG_INVALID',
    exit: 3,
    names: /no-directory/,
  },
  {
    what: 'production without a chosen registry',
    args: () => ['start', echo],
    env: { NODE_ENV: 'production' },
    code: 'GOMS_REGISTRY_NOT_CHOSEN',
    exit: 3,
    names: /registry/,
  },
]

test.each(mistakes)('$what', async ({ args, code, exit, names, env }) => {
  const process = startGoms(args(await freePort()), { cwd: dir, name: 'goms', ...(env && { env }) })
  expect((await process.exited).code, process.text()).toBe(exit)
  const text = process.text('stderr')
  expect(text.match(/error\[GOMS_\w+\]/g), text).toEqual([`error[${code}]`])
  expect(text).toMatch(names)
  expect(text).not.toMatch(/\n\s+at .*(:\d+:\d+|node:)/)
  expect(process.text('stdout')).toBe('')
})

test('a port in use names the port', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const process = startGoms(['start', echo, '--registry', 'memory', '-http_port', String(port), '-rpc_port', '0'])
  const { code } = await process.exited
  await new Promise((resolve) => server.close(resolve))
  expect(code, process.text()).toBe(9)
  const who = globalThis.process.platform === 'linux' ? `[\\s\\S]*pid ${globalThis.process.pid}` : ''
  expect(process.text('stderr')).toMatch(new RegExp(`error\\[GOMS_PORT_IN_USE\\][\\s\\S]*${port}${who}`))
})

test('an etcd that does not answer names its address and how long it was tried', async () => {
  const port = await freePort()
  const config = configs('etcd', { 'config.yml': 'callServiceKey: a long enough key\nregistryTimeout: 500\n' })
  const args = ['-http_port', '0', '-rpc_port', '0', '-etcd_addr', `127.0.0.1:${port}`, '-configs', config]
  const process = startGoms(['start', echo, ...args])
  expect((await process.exited).code, process.text()).toBe(5)
  expect(process.text('stderr')).toMatch(
    new RegExp(`error\\[GOMS_REGISTRY_UNAVAILABLE\\][\\s\\S]*127\\.0\\.0\\.1:${port}`),
  )
})
