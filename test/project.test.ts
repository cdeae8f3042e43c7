/** What holds for the repository as a whole: nothing of the machine it was written on, and a floor that is kept. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const pkg = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))

const tracked: readonly string[] = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)) && statSync(join(root, file)).size < 2_000_000)

function linesWith(found: (line: string) => boolean): string[] {
  return tracked.flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, at) => (found(line) ? [`${file}:${at + 1}: ${line.trim().slice(0, 120)}`] : [])),
  )
}

test('no file knows a path of this machine', () => {
  // Not the folders that every machine has.
  const common = new Set(['/', '/tmp', '/home', '/root', '/usr/src', '/opt', '/app', '/src', '/builds'])
  const paths = [root, dirname(root), homedir()].filter((path) => !common.has(path)).map((path) => `${path}/`)
  expect(
    linesWith((line) => paths.some((path) => line.includes(path)) || /\/(home|Users)\/[a-z]+\//.test(line)),
  ).toEqual([])
})

test('no file names a package registry of its own', () => {
  const hosts = /https?:\/\/[^/\s'"`]*(registry|artifactory|nexus|verdaccio|npm-?(mirror|proxy))[^/\s'"`]*/gi
  const wrong = linesWith((line) =>
    [...line.matchAll(hosts)].some(([host]) => host !== 'https://registry.npmjs.org' && !host.includes('${')),
  )
  expect(wrong).toEqual([])
  const npmrc = tracked.filter((file) => file.endsWith('.npmrc')).map((file) => readFileSync(join(root, file), 'utf8'))
  expect(npmrc.join('\n')).not.toMatch(/registry\s*=/)
})

test('Node 20.19 is the floor, in the package and in the types', () => {
  expect(pkg.engines.node).toBe('>=20.19')
  expect(lock.packages['node_modules/@types/node'].version).toMatch(/^20\./)
})

test('nothing that users install runs a script while it is installed', () => {
  const scripted = Object.entries<{ dev?: boolean; optional?: boolean; hasInstallScript?: boolean }>(lock.packages)
    .filter(([, it]) => it.hasInstallScript && !it.dev && !it.optional)
    .map(([path]) => path)
  expect(scripted).toEqual([])
  expect(pkg.scripts).not.toHaveProperty('postinstall')
})
