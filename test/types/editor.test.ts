/** Asks the language service of an editor about a call site: hover, go to definition, rename and completion. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../support/markdown.ts'

/** As much of TypeScript 6 as is asked for. */
interface TypeScript {
  readonly sys: { readFile(path: string): string | undefined; fileExists(path: string): boolean }
  readonly ScriptSnapshot: { fromString(text: string): unknown }
  getDefaultLibFilePath(options: object): string
  createLanguageService(host: object): LanguageService
  displayPartsToString(parts: readonly unknown[] | undefined): string
}

interface Span {
  readonly fileName: string
  readonly textSpan: { readonly start: number; readonly length: number }
}

interface LanguageService {
  getSemanticDiagnostics(file: string): readonly { readonly messageText: unknown }[]
  getQuickInfoAtPosition(
    file: string,
    at: number,
  ): { readonly displayParts?: readonly unknown[]; readonly documentation?: readonly unknown[] } | undefined
  getDefinitionAtPosition(file: string, at: number): readonly Span[] | undefined
  findRenameLocations(
    file: string,
    at: number,
    inStrings: boolean,
    inComments: boolean,
    options: object,
  ): readonly Span[] | undefined
  getCompletionsAtPosition(
    file: string,
    at: number,
    options: object,
  ): { readonly entries: readonly { readonly name: string }[] } | undefined
}

const folder = join(root, '.cache', 'types-ts6')

function install(): TypeScript | undefined {
  mkdirSync(folder, { recursive: true })
  copyFileSync(join(import.meta.dirname, 'package.json'), join(folder, 'package.json'))
  if (!existsSync(join(folder, 'node_modules', 'typescript'))) {
    const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder]
    const done = spawnSync('npm', args, { encoding: 'utf8', timeout: 120_000 })
    if (done.status !== 0 && process.env.CI) throw new Error(`TypeScript 6 could not be installed: ${done.stderr}`)
    if (done.status !== 0) return undefined
  }
  return createRequire(join(folder, 'package.json'))('typescript') as TypeScript
}

const ts = install()
if (ts === undefined) process.stderr.write('test/types/editor.test.ts: skipped, TypeScript 6 could not be installed\n')

const at = (name: string): string => join(root, 'src', 'editor', name)

const CONTRACT = `import { contract, event, rpc } from '../index.ts'
export const User = contract('user', {
  rpc: {
    /** Does this user name exist? */
    exists: rpc<{
      /** As it was typed. */
      username: string
    }, { exists: boolean }>({ idempotent: true }),
  },
  events: { /** Somebody came. */ loggedIn: event<{ username: string }>() },
})
export const Order = contract('order', { rpc: { submit: rpc<{ username: string }, { orderId: string }>() } })
`
const SERVICE = `import { service } from '../index.ts'
import { Order, User } from './contracts.ts'
export const user = service(User, { rpc: { exists: ({ username }) => ({ exists: username !== '' }) } })
export const order = service(Order, {
  uses: { user: User },
  rpc: {
    async submit({ username }, { user }) {
      const answer = await user.exists({ username })
      return { orderId: String(answer.exists) }
    },
  },
  on: { user: { loggedIn: ({ username }, { log }) => log.info(username) } },
})
`
const OUTSIDE = `import { client } from '../index.ts'
import { User } from './contracts.ts'
export const answer = client(User).exists({ username: 'bob' })
`
const files: ReadonlyMap<string, string> = new Map([
  [at('contracts.ts'), CONTRACT],
  [at('services.ts'), SERVICE],
  [at('outside.ts'), OUTSIDE],
])

/** Position within the piece of text that occurs once. */
function find(text: string, piece: string, offset = 0): number {
  const found = text.indexOf(piece)
  if (found < 0 || text.indexOf(piece, found + 1) >= 0) throw new Error(`"${piece}" is not there once`)
  return found + offset
}

function open(api: TypeScript): LanguageService {
  const options = {
    target: 10,
    module: 199,
    moduleResolution: 99,
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
  }
  const read = (file: string): string | undefined => files.get(file) ?? api.sys.readFile(file)
  return api.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [...files.keys()],
    getScriptVersion: () => '1',
    getScriptSnapshot: (file: string) => {
      const text = read(file)
      return text === undefined ? undefined : api.ScriptSnapshot.fromString(text)
    },
    getCurrentDirectory: () => root,
    getDefaultLibFileName: (given: object) => api.getDefaultLibFilePath(given),
    fileExists: (file: string) => files.has(file) || api.sys.fileExists(file),
    readFile: read,
  })
}

/** Where each call site stands, and what it is the name of. */
const sites: readonly (readonly [string, string, number, string])[] = [
  ['a handler that calls', at('services.ts'), find(SERVICE, 'user.exists({', 5), 'exists: rpc'],
  ['code outside of services', at('outside.ts'), find(OUTSIDE, '.exists(', 1), 'exists: rpc'],
  ['the handler itself', at('services.ts'), find(SERVICE, 'exists: ({', 0), 'exists: rpc'],
]

test.skipIf(ts === undefined)('editors find their way from a call site to the contract', { timeout: 180_000 }, () => {
  const api = ts as TypeScript
  const service = open(api)
  for (const file of files.keys()) {
    expect(service.getSemanticDiagnostics(file).map((it) => it.messageText)).toEqual([])
  }
  const home = find(CONTRACT, 'exists: rpc')
  for (const [name, file, position] of sites) {
    const info = service.getQuickInfoAtPosition(file, position)
    expect(api.displayPartsToString(info?.documentation), `hover in ${name}`).toBe('Does this user name exist?')
    const definition = service.getDefinitionAtPosition(file, position) ?? []
    const places = definition.map((it) => [it.fileName, it.textSpan.start])
    expect(places, `definition from ${name}`).toContainEqual([at('contracts.ts'), home])
    const renamed = service.findRenameLocations(file, position, false, false, {}) ?? []
    expect(
      renamed.map((it) => `${it.fileName.split('/').at(-1)}:${it.textSpan.start}`).sort(),
      `rename in ${name}`,
    ).toEqual([
      `contracts.ts:${home}`,
      `outside.ts:${find(OUTSIDE, '.exists(', 1)}`,
      `services.ts:${find(SERVICE, 'exists: ({')}`,
      `services.ts:${find(SERVICE, 'user.exists({', 5)}`,
    ])
  }
})

test.skipIf(ts === undefined)(
  'editors show a method as it is called, and complete its names',
  { timeout: 180_000 },
  () => {
    const api = ts as TypeScript
    const service = open(api)
    const info = service.getQuickInfoAtPosition(at('outside.ts'), find(OUTSIDE, '.exists(', 1))
    const shown = api.displayPartsToString(info?.displayParts).replaceAll(/\s+/g, ' ')
    expect(shown).toContain('username: string')
    expect(shown).toContain('options?: CallOptions')
    expect(shown).toContain('Promise<{ exists: boolean; }>')
    const completions = (file: string, position: number): string[] =>
      (service.getCompletionsAtPosition(file, position, {})?.entries ?? []).map((it) => it.name)
    expect(completions(at('services.ts'), find(SERVICE, 'user.exists({', 5))).toEqual(['exists'])
    expect(completions(at('outside.ts'), find(OUTSIDE, "username: 'bob'", 2))).toContain('username')
    const event = service.getDefinitionAtPosition(at('services.ts'), find(SERVICE, 'loggedIn'))
    expect(event?.map((it) => it.textSpan.start)).toContain(find(CONTRACT, 'loggedIn'))
  },
)
