/** The exported names of the package, as a committed list: nothing becomes public, or goes, unseen. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const HOW =
  'public names changed: if that is meant, run `npx vitest run test/public-surface.test.ts -u` and commit the list'

interface Name {
  readonly name: string
  readonly kind: 'value' | 'type'
}

/** What users import, by the source that it is built from. */
const entries: readonly (readonly [specifier: string, source: string])[] = entriesOf(
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')),
)

function entriesOf({ exports }: { readonly exports: Readonly<Record<string, string | { readonly default: string }>> }) {
  return Object.entries(exports).flatMap(([path, target]) => {
    const built = /^\.\/dist\/(.*)\.js$/.exec(typeof target === 'string' ? target : target.default)?.[1]
    return built === undefined ? [] : [[`goms${path.slice(1)}`, join(root, 'src', `${built}.ts`)] as const]
  })
}

/** Names in `export { a, type B as C } from` and `export type { D } from`. */
function namesIn(text: string): Name[] {
  const statements = text.matchAll(/^export\s+(type\s+)?\{([^}]*)\}\s+from\s+'[^']+'/gm)
  return [...statements].flatMap(([, allTypes, list]) =>
    (list as string)
      .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
      .map((item): Name => {
        const isType = allTypes !== undefined || item.startsWith('type ')
        return {
          name: item
            .replace(/^type /, '')
            .split(' as ')
            .at(-1) as string,
          kind: isType ? 'type' : 'value',
        }
      }),
  )
}

/** What an entry point exports of its own. */
function declaredIn(text: string): Name[] {
  return [...text.matchAll(/^export (?:async )?(function|const|class|interface|type) (\w+)/gm)].map(
    ([, word = '', name = '']) => ({ name, kind: word === 'interface' || word === 'type' ? 'type' : 'value' }),
  )
}

function allIn(source: string): Name[] {
  const text = readFileSync(source, 'utf8')
  return [...namesIn(text), ...declaredIn(text)]
}

/** Those of the root without a word before them. */
function linesOf([specifier, source]: (typeof entries)[number]): string[] {
  const from = specifier === 'goms' ? '' : `${specifier} `
  return allIn(source)
    .map(({ name, kind }) => `${from}${kind} ${name}`)
    .sort()
}

test('the public names are the committed ones', async () => {
  const lines = entries.flatMap(linesOf)
  await expect(`${lines.join('\n')}\n`, HOW).toMatchFileSnapshot('public-surface.txt')
})

test.each(entries)('of %s each value is there at run time', async (_, source) => {
  const values = allIn(source).filter((it) => it.kind === 'value')
  expect(Object.keys(await import(source)).sort()).toEqual(values.map((it) => it.name).sort())
})

test('the root has names only', () => {
  expect(declaredIn(readFileSync(join(root, 'src', 'index.ts'), 'utf8'))).toEqual([])
})
