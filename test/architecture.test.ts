/** Holds the floors of docs/architecture.md: reads every import in `src`, types included, and fails on the first that points up. */
import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const src = join(import.meta.dirname, '..', 'src')

/** Imports point down; rooms on one floor do not meet. */
const FLOORS: readonly (readonly string[])[] = [
  ['core'],
  ['rpcx', 'http', 'contract', 'registry', 'balance', 'resilience', 'telemetry'],
  ['transport', 'events'],
  ['mesh', 'service'],
  ['gateway', 'components', 'dashboard', 'config'],
  ['app'],
  ['testing', 'cli'],
]

/** Ports know nothing of what implements them: they may import from floors below and from other ports only. */
const PORTS: readonly string[] = ['registry/registry.ts', 'registry/kv.ts', 'balance/balancer.ts']

/** Where each package may be imported, as path prefixes. Few places, each beside the port it serves. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@elastic/elasticsearch': ['components/'],
  '@opentelemetry/api': ['telemetry/'],
  '@redis/client': ['components/'],
  '@standard-schema/spec': ['contract/'],
  'oxc-transform': ['cli/', 'app/'],
  pino: ['app/'],
  'rabbitmq-client': ['components/'],
  valibot: ['config/'],
  yaml: ['config/'],
}

interface Import {
  readonly from: string
  /** A file of `src`, or a package. */
  readonly to: string
  readonly own: boolean
}

const files: readonly string[] = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => relative(src, join(entry.parentPath, entry.name)))
  .sort()
const isTest = (file: string): boolean => /\.(test|suite|fixtures)\.ts$/.test(file)
const sources: readonly string[] = files.filter((file) => !isTest(file))
const imports: readonly Import[] = sources.flatMap(importsOf)
const ownImports: readonly Import[] = imports.filter((it) => it.own)

function importsOf(file: string): Import[] {
  return specifiersOf(readFileSync(join(src, file), 'utf8')).map((specifier) => {
    const own = specifier.startsWith('.')
    return { from: file, to: own ? relative(src, join(src, dirname(file), specifier)) : specifier, own }
  })
}

function specifiersOf(text: string): string[] {
  const code = text.replace(/^\s*(\/\*\*?|\*|\/\/).*$/gm, '')
  const statements = code.matchAll(
    /^(?:import|export)\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\}|[\w$]+(?:\s*,\s*\{[^}]*\})?)\s+from\s+'([^']+)'/gm,
  )
  const bare = code.matchAll(/^import\s+'([^']+)'/gm)
  const calls = code.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)
  return [...statements, ...bare, ...calls].map((match) => match[1] as string)
}

function roomOf(file: string): string {
  return file.split('/')[0] as string
}

function floorOf(file: string): number {
  return FLOORS.findIndex((floor) => floor.includes(roomOf(file)))
}

function show(list: readonly Import[]): string[] {
  return list.map((it) => `${it.from} imports ${it.to}`)
}

test('the reader of imports sees every form', () => {
  const text = [
    "import a from './a.ts'",
    "import type {\n  B,\n} from './b.ts'",
    "import './c.ts'",
    "export { d } from './d.ts'",
    "export * from './e.ts'",
    "const f = await import('./f.ts')",
    "let g: import('./g.ts').G",
    " * import { no } from './comment.ts'",
  ].join('\n')
  expect(specifiersOf(text).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `./${name}.ts`))
})

test('every room has a floor', () => {
  expect(sources.filter((file) => file.includes('/') && floorOf(file) < 0)).toEqual([])
})

test('imports point down, and rooms on one floor do not meet', () => {
  const wrong = ownImports.filter(
    (it) => it.from.includes('/') && roomOf(it.from) !== roomOf(it.to) && floorOf(it.to) >= floorOf(it.from),
  )
  expect(show(wrong)).toEqual([])
})

test('imports of our own are written with their ending', () => {
  expect(show(ownImports.filter((it) => !/\.(ts|json)$/.test(it.to)))).toEqual([])
})

test('nobody inside imports an entry point', () => {
  expect(show(ownImports.filter((it) => it.to === 'index.ts' || it.to === 'cli/main.ts'))).toEqual([])
})

test('a port never imports what implements it', () => {
  const wrong = ownImports.filter(
    (it) => PORTS.includes(it.from) && roomOf(it.to) === roomOf(it.from) && !PORTS.includes(it.to),
  )
  expect(show(wrong)).toEqual([])
})

test('a worker and its primary meet in their protocol, and a worker knows neither registry nor configuration', () => {
  const worker = ['app/worker-main.ts', 'app/worker.ts', 'app/worker-gateway.ts']
  const primary = ['gateway-workers', 'workers', 'running-workers', 'worker-numbers', 'worker-process', 'node', 'serve']
  const own = primary.map((name) => `app/${name}.ts`)
  const wrong = ownImports.filter(({ from, to }) => {
    if (worker.includes(from)) return own.includes(to) || to === 'app/open-registry.ts' || to.startsWith('config/')
    return own.includes(from) && worker.includes(to)
  })
  expect(show(wrong)).toEqual([])
})

test('no import leads back to where it came from', () => {
  const next = new Map<string, string[]>()
  for (const it of ownImports) next.set(it.from, [...(next.get(it.from) ?? []), it.to])
  const done = new Set<string>()
  const circles: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const to of next.get(file) ?? []) walk(to, [...path, file])
    done.add(file)
  }
  for (const file of sources) walk(file, [])
  expect(circles).toEqual([])
})

test('packages are imported only beside the port they serve', () => {
  const wrong = imports.filter((it) => {
    if (it.own || isBuiltin(it.to)) return false
    const name = it.to.startsWith('@') ? it.to.split('/').slice(0, 2).join('/') : (it.to.split('/')[0] as string)
    return !PACKAGES[name]?.some((prefix) => it.from.startsWith(prefix))
  })
  expect(show(wrong)).toEqual([])
})

test('builtins are imported with their prefix', () => {
  expect(show(imports.filter((it) => !it.own && isBuiltin(it.to) && !it.to.startsWith('node:')))).toEqual([])
})

test('names are exported one by one, and none by default', () => {
  const wrong = sources.filter((file) => /^export (\*|default)/m.test(readFileSync(join(src, file), 'utf8')))
  expect(wrong).toEqual([])
})

test('files are named by kebab-case nouns, and none is a drawer', () => {
  const drawer = /(^|[/-])(utils?|helpers?|common|types|misc|manager)(\.|\/|-)/
  const wrong = files.filter(
    (file) => !/^([a-z0-9-]+\/)*[a-z0-9-]+(\.(test|suite|fixtures))?\.ts$/.test(file) || drawer.test(file),
  )
  expect(wrong).toEqual([])
})

test('every file says first what it is for', () => {
  const wrong = sources.filter(
    (file) => !/^(#!.*\n)?\/(\*\*|\/) ?\S/.test(readFileSync(join(src, file), 'utf8').replace(/^\/\*\*\n \* /, '/** ')),
  )
  expect(wrong).toEqual([])
})
