import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { keptSharedKey } from './shared-key-file.ts'

let base = ''
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'goms-key-'))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

it('is the same for all processes of a project, however many ask at once, and nobody else can read it', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => keptSharedKey('goms', base)))
  expect(await keptSharedKey('goms', base)).toBe(keys.at(-1))
  expect(await keptSharedKey('shop', base)).not.toBe(keys[0])
  const [dir = ''] = readdirSync(base)
  expect(statSync(join(base, dir, 'goms.key')).mode & 0o077).toBe(0)
})

it('is not taken from a place that others can write to', async () => {
  const dir = join(base, `goms-${userInfo().uid}`)
  mkdirSync(dir)
  chmodSync(dir, 0o777)
  writeFileSync(join(dir, 'goms.key'), 'a'.repeat(43))
  expect(await keptSharedKey('goms', base)).not.toBe('a'.repeat(43))
})

it('is a random one where nothing can be kept', async () => {
  const nowhere = join(base, 'not', 'there')
  expect(await keptSharedKey('goms', nowhere)).not.toBe(await keptSharedKey('goms', nowhere))
})
