import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GomsError } from '../core/errors.ts'
import { toYaml } from './set-text.ts'
import { checkShared, readShared } from './shared-files.ts'

describe('files that are going to be shared', () => {
  let cwd: string
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'goms-shared-'))
  })
  afterEach(() => rm(cwd, { recursive: true }))

  async function write(files: Readonly<Record<string, string>>): Promise<string[]> {
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text)
    return Object.keys(files)
  }

  async function mistakeOf(files: Readonly<Record<string, string>>): Promise<GomsError> {
    const names = await write(files)
    return readShared(cwd, names).then(
      () => expect.unreachable('nothing was wrong'),
      (error: GomsError) => error,
    )
  }

  it('routes alone, as go-garden has them', async () => {
    const text =
      'routes:\n  user:\n    login: { type: out, path: /login, fusing: 5/100, timeout: 2000 }\n    exists: /exists\n'
    expect(await readShared(cwd, await write({ 'routes.yml': text }))).toMatchObject({
      set: {
        services: {
          user: { login: { type: 'out', path: '/login', breaker: '5/100', timeout: 2000 }, exists: '/exists' },
        },
      },
      left: [],
    })
  })

  it('a whole configuration: what is no route stays at home, secrets too', async () => {
    const config =
      'projectName: shop\ncallServiceKey: a secret of theirs\netcdAddr: [10.0.0.1:2379]\nretries: 2\nbalance: p2c\n'
    const { set, left } = await readShared(
      cwd,
      await write({ 'config.yml': config, 'services.yml': 'services: { user: { login: /login } }\n' }),
    )
    expect(set).toEqual({ retries: 2, balance: 'p2c', services: { user: { login: '/login' } } })
    expect(left).toEqual(['projectName', 'callServiceKey', 'etcdAddr'])
  })

  it('of go-garden’s block the waits between attempts alone', async () => {
    const text = 'service: { callRetry: 100/200, callKey: secret, etcdKey: garden }\n'
    const { set, left } = await readShared(cwd, await write({ 'config.yml': text }))
    expect([set, left]).toEqual([{ callRetry: '100/200' }, ['service']])
  })

  it.each([
    ['an unknown key', 'services: { user: { login: { limitter: 5/1 } } }', 'GOMS_CONFIG_UNKNOWN_KEY', 'a.yml:1:30'],
    ['a wrong value', 'timeout: soon', 'GOMS_CONFIG_INVALID', 'a.yml:1:10'],
    ['no YAML', 'services: {', 'GOMS_CONFIG_SYNTAX', 'a.yml:'],
    ['a name that cannot be used', 'services: { us_er: { login: /x } }', 'GOMS_NAME_INVALID', 'a.yml:1:13'],
    ['a route given twice', 'services: { user: { a: /x, a: /y } }', 'GOMS_CONFIG_DUPLICATE', 'a.yml:1:28'],
    ['a total below the time-out', 'timeout: 9\ntotalTimeout: 5', 'GOMS_CONFIG_INVALID', 'a.yml:2:15'],
  ])('%s: an error with its place', async (_, text, code, place) => {
    const error = await mistakeOf({ 'a.yml': `${text}\n` })
    expect(error.code).toBe(code)
    expect(error.detail?.frame).toContain(place)
  })

  it('a route in two files is there once too often', async () => {
    const text = 'services: { user: { login: /x } }\n'
    const error = await mistakeOf({ 'a.yml': text, 'b.yml': text })
    expect([error.code, error.message]).toEqual([
      'GOMS_CONFIG_DUPLICATE',
      'services.user.login is defined twice, first at a.yml:1:21',
    ])
  })

  it('a file without routes, an empty one and none at all are not shared', async () => {
    expect((await mistakeOf({ 'a.yml': 'httpPort: 1\n' })).message).toBe('a.yml: nothing of it can be shared')
    expect((await mistakeOf({ 'a.yml': '' })).message).toBe('a.yml: nothing of it can be shared')
    await expect(readShared(cwd, ['none.yml'])).rejects.toMatchObject({ message: 'none.yml is not there' })
  })

  it('what is shown of a set reads back as that set', async () => {
    const set = {
      timeout: 700,
      callRetry: '100/200',
      balance: { default: 'p2c', order: { hash: { header: 'x-user' } } },
      services: { user: { login: { path: '/login', method: ['GET', 'POST'], limiter: '5/100' }, exists: '/exists' } },
    } as const
    const text = toYaml(structuredClone(set) as never)
    expect(text).toBe(
      [
        'timeout: 700',
        'callRetry: 100/200',
        'balance:',
        '  default: p2c',
        '  order:',
        '    hash:',
        '      header: x-user',
        'services:',
        '  user:',
        '    login: { path: /login, method: [ GET, POST ], limiter: 5/100 }',
        '    exists: /exists',
        '',
      ].join('\n'),
    )
    expect((await readShared(cwd, await write({ 'a.yml': text }))).set).toEqual(set)
  })

  it('what was shared before is checked again', () => {
    expect(checkShared({ set: { timeout: 5 }, name: 'routes number 4' }).set).toEqual({ timeout: 5 })
    expect(() => checkShared({ set: { timeout: 'x' }, name: 'routes number 4' })).toThrow(/`timeout`/)
    expect(() => checkShared({ set: { callServiceKey: 'x' }, name: 'routes number 4' })).toThrow(/cannot be shared/)
  })
})
