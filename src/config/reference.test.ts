import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Language, withReference } from './reference.ts'

test.each<readonly [string, Language]>([
  ['docs/configuration.md', 'en'],
  ['docs/zh-CN/configuration.md', 'zh'],
])(
  '%s is up to date (renew it with `node scripts/build.mjs && node scripts/config-reference.mjs`)',
  (file, language) => {
    const page = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
    expect(page).toBe(withReference(page, language))
  },
)

test('a page without a place for the tables is refused', () => {
  expect(() => withReference('# Configuration\n', 'en')).toThrow('lacks')
})
