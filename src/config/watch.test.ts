import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import { createInForce } from './in-force.ts'
import { loadSettings } from './load.ts'
import { type SettingsWatch, watchSettings } from './watch.ts'

const directories: string[] = []
const watches: SettingsWatch[] = []

afterEach(async () => {
  for (const one of watches.splice(0)) one.close()
  await Promise.all(directories.splice(0).map((directory) => rm(directory, { recursive: true })))
})

async function workplace(): Promise<{ cwd: string; configs: string; services: string }> {
  const cwd = await mkdtemp(join(tmpdir(), 'goms-watch-'))
  directories.push(cwd)
  const configs = join(cwd, 'configs')
  await mkdir(configs)
  return { cwd, configs, services: join(configs, 'services.yml') }
}

async function start(cwd: string, live?: readonly string[]) {
  const lines: string[] = []
  const say = (level: string) => (message: string) => void lines.push(`${level} ${message}`)
  const log: Log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  const changes: { settings: Settings; changed: readonly string[]; at: number }[] = []
  const loaded = await loadSettings({ cwd, env: {} })
  const inForce = createInForce(
    loaded,
    (settings, changed) => void changes.push({ settings, changed, at: performance.now() }),
    log,
    live === undefined ? {} : { live },
  )
  const watched = watchSettings(inForce, log)
  watches.push(watched)
  return { lines, changes, watched }
}

const route = (path: string) => `services: { user: { login: ${path} } }\n`
const soon = (check: () => void) => vi.waitFor(check, { timeout: 3000, interval: 10 })
const pathIn = (settings: Settings | undefined) => settings?.routes.user?.login?.path

test('a save is in force within a second', async () => {
  const { cwd, services } = await workplace()
  await writeFile(services, route('/a'))
  const { changes, lines } = await start(cwd)
  await writeFile(services, route('/b'))
  const savedAt = performance.now()
  await soon(() => expect(changes).toHaveLength(1))
  expect([pathIn(changes[0]?.settings), changes[0]?.changed]).toEqual(['/b', ['routes']])
  expect((changes[0]?.at ?? 0) - savedAt).toBeLessThan(1000)
  expect(lines).toEqual(['info configuration: reloaded (routes)'])
})

test('an atomic rename, a new file and a directory that appears later are seen', async () => {
  const { cwd, configs, services } = await workplace()
  await rm(configs, { recursive: true })
  const { changes } = await start(cwd)
  await mkdir(configs)
  await writeFile(services, route('/a'))
  await soon(() => expect(pathIn(changes.at(-1)?.settings)).toBe('/a'))
  await writeFile(`${services}.tmp`, route('/b'))
  await rename(`${services}.tmp`, services)
  await soon(() => expect(pathIn(changes.at(-1)?.settings)).toBe('/b'))
})

test('a ConfigMap swaps a link to a directory of links', async () => {
  const { cwd, configs, services } = await workplace()
  const version = async (name: string, path: string) => {
    await mkdir(join(configs, name))
    await writeFile(join(configs, name, 'services.yml'), route(path))
    await symlink(name, join(configs, '..data_tmp'))
    await rename(join(configs, '..data_tmp'), join(configs, '..data'))
  }
  await version('..1', '/a')
  await symlink(join('..data', 'services.yml'), services)
  const { changes } = await start(cwd)
  await version('..2', '/b')
  await rm(join(configs, '..1'), { recursive: true })
  await soon(() => expect(pathIn(changes.at(-1)?.settings)).toBe('/b'))
})

test('a broken save keeps the last good one and is said once, with its frame; the next good one is applied', async () => {
  const { cwd, services } = await workplace()
  await writeFile(services, route('/a'))
  const { changes, lines } = await start(cwd)
  await writeFile(services, 'services: { user: { login: { limitter: 5/1 } } }\n')
  await soon(() => expect(lines).toHaveLength(6))
  expect(lines[0]).toContain('error configuration: the last good one stays in force: GOMS_CONFIG_UNKNOWN_KEY')
  expect(lines[4]).toContain('   |                              ^^^^^^^^ did you mean "limiter"?')
  expect(lines.join('')).not.toContain('\n')
  // The poll comes by in the meantime and has nothing new to say.
  await pause(700)
  expect([lines.length, changes.length]).toEqual([6, 0])
  await writeFile(services, route('/b'))
  await soon(() => expect(pathIn(changes[0]?.settings)).toBe('/b'))
  expect(lines[6]).toBe('info configuration: good again')
})

test('an emptied and a deleted file change nothing', async () => {
  const { cwd, services } = await workplace()
  await writeFile(services, route('/a'))
  const { changes, lines } = await start(cwd)
  await writeFile(services, '')
  await soon(() => expect(lines).toHaveLength(1))
  await rm(services)
  await pause(700)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('services.yml is gone or empty; the last good one stays in force')
  expect(changes).toEqual([])
  await writeFile(services, route('/b'))
  await soon(() => expect(pathIn(changes[0]?.settings)).toBe('/b'))
})

test('a change of what needs a restart is said once, and the rest is applied', async () => {
  const { cwd, configs } = await workplace()
  const config = join(configs, 'config.yml')
  await writeFile(config, 'httpPort: 1\ntimeout: 100\ndebug: false\n')
  const { changes, lines } = await start(cwd, ['routes', 'policy', 'debug'])
  await writeFile(config, 'httpPort: 2\ntimeout: 200\ndebug: true\nretries: 1\ngateway: { envelope: false }\n')
  await soon(() => expect(changes).toHaveLength(1))
  expect(changes[0]?.changed).toEqual(['policy.timeoutMs', 'debug'])
  expect(changes[0]?.settings).toMatchObject({
    httpPort: 1,
    policy: { timeoutMs: 200 },
    debug: true,
    gateway: { envelope: true },
  })
  expect(lines[0]).toBe('warn configuration: changed and in force after a restart: httpPort, gateway.envelope')
  await writeFile(config, 'httpPort: 2\ntimeout: 300\ndebug: true\ngateway: { envelope: false }\n')
  await soon(() => expect(changes).toHaveLength(2))
  expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(1)
})

test('writes without a pause, half of them broken: the last one wins within a second', async () => {
  const { cwd, configs, services } = await workplace()
  const config = join(configs, 'config.yml')
  const write = async (n: number) => {
    await writeFile(config, `timeout: ${n}\n`)
    await writeFile(services, route(`/${n}`))
  }
  await write(1)
  const { changes } = await start(cwd)
  for (let n = 2; n < 82; n++) {
    if (n % 2 === 0) await writeFile(services, 'services: { user: { login')
    else await write(n)
    await pause(5)
  }
  await write(99)
  const savedAt = performance.now()
  await soon(() => expect(pathIn(changes.at(-1)?.settings)).toBe('/99'))
  expect((changes.at(-1)?.at ?? 0) - savedAt).toBeLessThan(1000)
  expect(changes.at(-1)?.settings.policy.timeoutMs).toBe(99)
})

test('after close nothing is heard any more', async () => {
  const { cwd, services } = await workplace()
  await writeFile(services, route('/a'))
  const { changes, watched } = await start(cwd)
  await writeFile(services, route('/b'))
  watched.close()
  await pause(800)
  expect(changes).toEqual([])
})

test('a failing reaction is logged and does not end the watch', async () => {
  const { cwd, services } = await workplace()
  await writeFile(services, route('/a'))
  const errors: string[] = []
  let calls = 0
  const log: Log = { debug() {}, info() {}, warn() {}, error: (message) => void errors.push(message) }
  const loaded = await loadSettings({ cwd, env: {} })
  const inForce = createInForce(
    loaded,
    () => {
      calls++
      if (calls === 1) throw new Error('no')
    },
    log,
  )
  watches.push(watchSettings(inForce, log))
  await writeFile(services, route('/b'))
  await soon(() => expect(errors).toEqual(['configuration: could not be put into effect: no']))
  await writeFile(services, route('/c'))
  await soon(() => expect(calls).toBe(2))
})
