import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CALL_CODES, SETUP_CODES } from '../core/errors.ts'

const page = (file: string) => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8')

/** Text by heading of the third level. */
function entries(text: string): Map<string, string> {
  const parts = text.split(/^### /m).slice(1)
  return new Map(parts.map((part) => [part.split('\n')[0] ?? '', part.split(/^## /m)[0] ?? '']))
}

const codes = [...Object.keys(SETUP_CODES), ...Object.keys(CALL_CODES)]

test.each([
  ['errors.md', ['Meaning', 'Cause', 'Fix']],
  ['zh-CN/errors.md', ['含义', '原因', '处理']],
])('%s has an entry for each code, in the order of the tables, and no other', (file, parts) => {
  const found = entries(page(file))
  expect([...found.keys()]).toEqual(codes)
  for (const [code, entry] of found) {
    for (const part of parts) expect(entry, code).toMatch(new RegExp(`^\\*\\*${part}:\\*\\* \\S`, 'm'))
  }
})

test('meaning, status and exit code in the pages are those of the tables', () => {
  const [en, zh] = [entries(page('errors.md')), entries(page('zh-CN/errors.md'))]
  for (const [code, { meaning, exitCode }] of Object.entries(SETUP_CODES)) {
    expect(en.get(code)).toContain(`**Meaning:** ${meaning} (exit code ${exitCode}).`)
    expect(zh.get(code)).toContain(`(退出码 ${exitCode})。`)
  }
  for (const [code, { meaning, status }] of Object.entries(CALL_CODES)) {
    expect(en.get(code)).toContain(`**Meaning:** ${meaning} (HTTP ${status}).`)
    expect(zh.get(code)).toContain(`(HTTP ${status})。`)
  }
})
