import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { loadSettings } from './load.ts'
import type { Role } from './rules.ts'
import { checkShared } from './shared-files.ts'

const directories: string[] = []
afterEach(async () => {
  await Promise.all(directories.splice(0).map((directory) => rm(directory, { recursive: true })))
})

async function load(services: string, config = '', env: Record<string, string> = {}, role: Role = 'service') {
  const cwd = await mkdtemp(join(tmpdir(), 'goms-limiter-'))
  directories.push(cwd)
  await mkdir(join(cwd, 'configs'))
  await writeFile(join(cwd, 'configs', 'services.yml'), services)
  if (config !== '') await writeFile(join(cwd, 'configs', 'config.yml'), config)
  return loadSettings({ cwd, env, role })
}

const route = (limiter: string): string => `services:\n  user:\n    exists: { path: /exists, limiter: ${limiter} }\n`

describe('a limiter as a block', () => {
  it('is the same as the short form where it is not shared', async () => {
    const { settings } = await load(
      route('{ calls: 100, per: 5000 }'),
      'limiter: { calls: 3, perMs: 500, shared: false }',
    )
    expect(settings.routes.user?.exists?.limiter).toEqual({ calls: 100, perMs: 5000 })
    expect(settings.policy).toMatchObject({ limiter: { calls: 3, perMs: 500 }, sharedLimiter: undefined })
  })

  it('may be shared by the project, as a default and for a route', async () => {
    const { settings } = await load(
      route('{ calls: 100, per: 5000, shared: true, onError: closed, timeoutMs: 20 }'),
      'redisAddr: cache:6379\nlimiter: { calls: 10, per: 1000, shared: true }',
    )
    const shared = { calls: 100, perMs: 5000, shared: true, onError: 'closed', timeoutMs: 20 }
    expect(settings.routes.user?.exists?.limiter).toEqual(shared)
    expect(settings.policy).toMatchObject({
      limiter: undefined,
      sharedLimiter: { calls: 10, perMs: 1000, shared: true, onError: 'open', timeoutMs: 50 },
    })
  })

  it('is overridden as a whole by a flag', async () => {
    const { settings } = await load('', 'redisAddr: a\nlimiter: { calls: 10, per: 1000, shared: true }', {
      GOMS_LIMITER: '5/100',
    })
    expect(settings.policy).toMatchObject({ limiter: { calls: 100, perMs: 5000 }, sharedLimiter: undefined })
  })

  it.each([
    [
      '{ calls: 0, per: 5000 }',
      '',
      'expected `services.user.exists.limiter.calls` to be an integer from 1 to 1000000, got `0`',
    ],
    ['{ calls: 5 }', '', '`services.user.exists.limiter` lacks the key `per`'],
    ['{ calls: 5, per: 100, share: true }', '', 'unknown key "share" in services.user.exists.limiter'],
    ['{ calls: 5, per: 100, onError: open }', '', '`onError` is of a limiter that is shared, and this one is not'],
    ['{ calls: 5, per: 100, shared: true, onError: maybe }', 'redisAddr: a', 'to be one of open, closed'],
    [
      '{ calls: 5, per: 100, shared: true }',
      '',
      'services.user.exists.limiter is shared by the project, and `redisAddr` is missing',
    ],
    [
      '{ calls: 5, per: 100, shared: true }',
      'redisAddr: redis://me:hunter2@a:b',
      'expected `redisAddr` to be an address',
    ],
  ])('refuses %s', async (limiter, config, message) => {
    await expect(load(route(limiter), config)).rejects.toMatchObject({
      code: expect.stringMatching(/^GOMS_CONFIG_(INVALID|UNKNOWN_KEY)$/),
      message: expect.stringContaining(message),
      detail: { frame: expect.stringMatching(/configs\/(services|config)\.yml:\d+:\d+/) },
    })
  })

  it('needs no Redis where it is read by a tool, is going to be shared, or was shared', async () => {
    const text = route('{ calls: 5, per: 100, shared: true }')
    const limiter = { calls: 5, perMs: 100, shared: true, onError: 'open', timeoutMs: 50 }
    const loaded = await load('', '')
    const set = { services: { user: { exists: { path: '/exists', limiter: { calls: 5, per: 100, shared: true } } } } }
    const settings = loaded.under({ set, name: 'routes number 7' })
    expect(settings.routes.user?.exists?.limiter).toEqual(limiter)
    expect(checkShared({ set, name: 'routes number 7' }).set).toEqual(set)
    expect((await load(text, '', {}, 'tool')).settings.routes.user?.exists?.limiter).toEqual(limiter)
  })

  it('tells nothing of the password of an address that is none', async () => {
    const failed = load(route('{ calls: 5, per: 100, shared: true }'), 'redisAddr: redis://me:hunter2@a:b')
    const { message, detail } = await failed.catch((error) => error)
    expect(JSON.stringify([message, detail])).not.toContain('hunter2')
  })
})
