import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import { createInForce, type InForceOptions } from './in-force.ts'
import { type Loaded, loadSettings } from './load.ts'
import type { FlagValues } from './overlay.ts'

const LIVE = ['routes', 'policy', 'balance']

describe('settings in force', () => {
  let cwd: string
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'goms-in-force-'))
    await mkdir(join(cwd, 'configs'))
  })
  afterEach(() => rm(cwd, { recursive: true }))

  async function load(text: string, flags: FlagValues = {}, env: Record<string, string> = {}): Promise<Loaded> {
    await writeFile(join(cwd, 'configs', 'config.yml'), text)
    return loadSettings({ cwd, env, flags })
  }

  function start(loaded: Loaded, options: InForceOptions = {}) {
    const lines: string[] = []
    const say = (level: string) => (message: string) => void lines.push(`${level} ${message}`)
    const log: Log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
    const changes: { settings: Settings; changed: readonly string[] }[] = []
    const onChange = (settings: Settings, changed: readonly string[]) => void changes.push({ settings, changed })
    return { lines, changes, inForce: createInForce(loaded, onChange, log, { live: LIVE, ...options }) }
  }

  it('are the files’ own until routes are shared, then the shared ones as a whole, then the files’ own again', async () => {
    const files = 'timeout: 100\nretries: 3\nhttpPort: 1\nservices: { user: { login: /file, exists: /exists } }\n'
    const { inForce, changes } = start(await load(files))
    expect(inForce.settings.routes.user?.login?.path).toBe('/file')
    inForce.share({ number: 1, set: { timeout: 200, balance: 'p2c', services: { user: { login: '/shared' } } } })
    expect(inForce.settings).toMatchObject({
      routes: { user: { login: { path: '/shared' } } },
      // What the set leaves out has its default, whatever the files say.
      policy: { timeoutMs: 200, retries: 1 },
      balance: { default: 'p2c' },
      httpPort: 1,
    })
    expect(inForce.settings.routes.user?.exists).toBeUndefined()
    expect(changes).toHaveLength(1)
    expect(changes[0]?.changed).toEqual(['routes', 'policy.timeoutMs', 'policy.retries', 'balance'])
    inForce.share({ number: 2 })
    expect(inForce.settings).toEqual(inForce.loaded.settings)
    inForce.share(undefined)
    expect(changes).toHaveLength(2)
  })

  it('flags and the environment go before what is shared', async () => {
    const { inForce } = start(await load('retries: 3\n', { timeout: 50 }, { GOMS_LIMITER: '1/7' }))
    inForce.share({ number: 1, set: { timeout: 200, limiter: '1/9', breaker: '1/9' } })
    expect(inForce.settings.policy).toMatchObject({
      timeoutMs: 50,
      retries: 1,
      limiter: { calls: 7, perMs: 1000 },
      breaker: { calls: 9, perMs: 1000 },
    })
  })

  it.each([
    ['a wrong value', { timeout: -1 }, 'GOMS_CONFIG_INVALID'],
    ['a wrong route', { services: { user: { login: { limiter: 'x' } } } }, 'GOMS_CONFIG_INVALID'],
    [
      'a key of a route that is not known',
      { services: { user: { login: { limitter: '5/1' } } } },
      'GOMS_CONFIG_INVALID',
    ],
    ['a key that must not travel', { callServiceKey: 'a secret of theirs' }, 'GOMS_CONFIG_UNKNOWN_KEY'],
    ['a service that cannot be called so', { services: { us_er: { login: '/login' } } }, 'GOMS_NAME_INVALID'],
    ['an action that cannot be called so', { services: { user: { 'a/b': '/login' } } }, 'GOMS_NAME_INVALID'],
    ['a prototype', JSON.parse('{"services":{"__proto__":{"x":"/x"}}}'), 'GOMS_NAME_INVALID'],
    ['values that do not go together', { timeout: 100, totalTimeout: 50 }, 'GOMS_CONFIG_INVALID'],
  ])('%s changes nothing, and is told with its number', async (_, set, code) => {
    const { inForce, changes } = start(await load('services: { user: { login: /file } }\n'))
    inForce.share({ number: 6, set: { timeout: 70 } })
    const before = inForce.settings
    let thrown: { code?: string; detail?: { frame?: string } } = {}
    try {
      inForce.share({ number: 7, set })
    } catch (error) {
      thrown = error as typeof thrown
    }
    expect(thrown.code).toBe(code)
    expect(thrown.detail?.frame).toBe('  --> routes number 7')
    expect(inForce.settings).toBe(before)
    expect(changes).toHaveLength(1)
  })

  it('a save leaves shared routes in force, says so once, and applies the rest', async () => {
    const live = [...LIVE, 'gateway.envelope']
    const { inForce, changes, lines } = start(await load('services: { user: { login: /a } }\n'), { live })
    inForce.share({ number: 3, set: { services: { user: { login: '/shared' } } } })
    inForce.save(await load('services: { user: { login: /b } }\ngateway: { envelope: false }\n'))
    expect(inForce.settings).toMatchObject({
      routes: { user: { login: { path: '/shared' } } },
      gateway: { envelope: false },
    })
    expect(changes.at(-1)?.changed).toEqual(['gateway.envelope'])
    expect(lines).toEqual([
      'info configuration: reloaded (gateway.envelope)',
      'info configuration: the routes of the files are not in force while routes number 3 are shared',
    ])
    inForce.share(undefined)
    expect(inForce.settings.routes.user?.login?.path).toBe('/b')
  })

  it('whoever publishes is told of saves that change what can be shared', async () => {
    const saved: Loaded[] = []
    const options = { saved: (loaded: Loaded) => void saved.push(loaded) }
    const { inForce, lines } = start(await load('services: { user: { login: /a } }\n'), options)
    inForce.save(await load('services: { user: { login: { path: /a } } }\nhttpPort: 7\n'))
    expect(saved).toHaveLength(0)
    inForce.save(await load('services: { user: { login: /b } }\nretries: 2\n'))
    expect(saved.map(({ shareable }) => shareable.value)).toEqual([{ retries: 2, services: { user: { login: '/b' } } }])
    expect(lines.filter((line) => line.includes('shared'))).toEqual([])
  })

  it('of go-garden’s files the waits between attempts can be shared, and nothing else of their block', async () => {
    const { shareable } = await load('service: { callRetry: 100/200, callKey: a secret of theirs, etcdKey: garden }\n')
    expect(shareable.value).toEqual({ callRetry: '100/200' })
  })
})
