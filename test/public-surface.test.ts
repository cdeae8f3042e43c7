/** The exported names of the package, as a committed list: nothing becomes public, or goes, unseen. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as root from '../src/index.ts'

const index = join(import.meta.dirname, '..', 'src', 'index.ts')
const HOW =
  'public names changed: if that is meant, run `npx vitest run test/public-surface.test.ts -u` and commit the list'

interface Name {
  readonly name: string
  readonly kind: 'value' | 'type'
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

const names: readonly Name[] = namesIn(readFileSync(index, 'utf8'))

test('the public names are the committed ones', async () => {
  const lines = names.map(({ name, kind }) => `${kind} ${name}`).sort()
  await expect(`${lines.join('\n')}\n`, HOW).toMatchFileSnapshot('public-surface.txt')
})

test('the entry point has names only, and each value is there at run time', () => {
  const values = names.filter((it) => it.kind === 'value').map((it) => it.name)
  expect(Object.keys(root).sort()).toEqual(values.sort())
})
