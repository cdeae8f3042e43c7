/** What contracts cost the compiler: a hundred services with ten methods each, every one of them implemented and called. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { root } from '../support/markdown.ts'

const SERVICES = 100
const METHODS = 10
const MOST_INSTANTIATIONS = 200_000

const cache = join(root, '.cache')
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, 'cost-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const times = (count: number, line: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => line(at)).join('\n')

function contractFile(at: number): string {
  return `import { contract, rpc } from 'goms'
export const S${at} = contract('s${at}', { rpc: {
${times(METHODS, (m) => `m${m}: rpc<{ id${at}: string; n${m}: number }, { ok${m}: boolean; at: Date }>({ timeoutMs: 500 }),`)}
} })
`
}

function serviceFile(at: number): string {
  const next = (at + 1) % SERVICES
  return `import { client, service } from 'goms'
import { S${at} } from './c${at}.ts'
import { S${next} } from './c${next}.ts'
export const service${at} = service(S${at}, { uses: { other: S${next} }, rpc: {
${times(METHODS, (m) => `m${m}: async ({ n${m} }, { other }) => ({ ok${m}: (await other.m${m}({ id${next}: '', n${m} })).ok${m}, at: new Date() }),`)}
} })
export const calls${at} = [${times(METHODS, (m) => `client(S${at}).m${m}({ id${at}: '', n${m}: 1 }),`)}]
`
}

function instantiations(files: readonly string[]): { readonly count: number; readonly errors: string } {
  const config = {
    extends: relative(folder, join(root, 'tsconfig.json')),
    compilerOptions: { paths: { goms: [relative(folder, join(root, 'src', 'index.ts'))] } },
    include: [],
    files,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const args = [tsc, '-p', folder, '--extendedDiagnostics', '--pretty', 'false', '--singleThreaded']
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  // Only what is wrong here: the sources have checks of their own.
  const errors = stdout.split('\n').filter((line) => /^[cs]\d+\.ts/.test(line))
  return { count: Number(/^Instantiations:\s+(\d+)/m.exec(stdout)?.[1]), errors: errors.join('\n') }
}

test(`${SERVICES} services of ${METHODS} methods cost the compiler little`, { timeout: 120_000 }, () => {
  writeFileSync(join(folder, 'none.ts'), "export { client, contract, rpc, service } from 'goms'\n")
  for (let at = 0; at < SERVICES; at++) {
    writeFileSync(join(folder, `c${at}.ts`), contractFile(at))
    writeFileSync(join(folder, `s${at}.ts`), serviceFile(at))
  }
  const base = instantiations(['none.ts'])
  const all = instantiations(['none.ts', ...Array.from({ length: SERVICES }, (_, at) => `s${at}.ts`)])
  expect([base.errors, all.errors]).toEqual(['', ''])
  expect(base.count).toBeGreaterThan(0)
  const cost = all.count - base.count
  expect(cost).toBeGreaterThan(SERVICES * METHODS)
  expect(cost).toBeLessThanOrEqual(MOST_INSTANTIATIONS)
})
