/** What `npm start` and `npm test` do in a checkout, as decided by scripts/ensure.mjs. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeIsNewEnough, sourceHash, whyInstall } from '../scripts/ensure.mjs'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'goms-ensure-'))
  mkdirSync(join(dir, 'src'))
  mkdirSync(join(dir, 'node_modules'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function lock(name: string, packages: Record<string, object>): void {
  writeFileSync(join(dir, name), JSON.stringify({ packages }))
}

test('Node before 20.19 is refused', () => {
  expect(['18.20.4', '20.18.3'].map(nodeIsNewEnough)).toEqual([false, false])
  expect(['20.19.0', '22.0.0', '26.1.0'].map(nodeIsNewEnough)).toEqual([true, true, true])
})

test('packages are installed when there are none, one is missing or one has another version', () => {
  lock('package-lock.json', { '': {}, 'node_modules/a': { version: '1.0.0' } })
  expect(whyInstall(dir)).toContain('node_modules is missing')
  lock('node_modules/.package-lock.json', {})
  expect(whyInstall(dir)).toContain('node_modules/a is not installed')
  lock('node_modules/.package-lock.json', { 'node_modules/a': { version: '0.9.0' } })
  expect(whyInstall(dir)).toContain('0.9.0')
  lock('node_modules/.package-lock.json', { 'node_modules/a': { version: '1.0.0' } })
  expect(whyInstall(dir)).toBeUndefined()
})

test('optional packages of other platforms are no reason to install', () => {
  lock('package-lock.json', { 'node_modules/b-darwin': { version: '1.0.0', optional: true } })
  lock('node_modules/.package-lock.json', {})
  expect(whyInstall(dir)).toBeUndefined()
})

test('a build is stale when a source has other contents, not when it has another time or is a test', () => {
  const file = join(dir, 'src', 'a.ts')
  writeFileSync(file, 'export const a = 1\n')
  const before = sourceHash(dir)
  utimesSync(file, 1, 1)
  writeFileSync(join(dir, 'src', 'a.test.ts'), '')
  expect(sourceHash(dir)).toBe(before)
  writeFileSync(file, 'export const a = 2\n')
  expect(sourceHash(dir)).not.toBe(before)
})
