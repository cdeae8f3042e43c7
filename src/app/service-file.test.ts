import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { loadServiceFile } from './service-file.ts'

const dir = mkdtempSync(join(tmpdir(), 'goms-service-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function file(name: string, text: string): string {
  writeFileSync(join(dir, name), text)
  return name
}

it('gives what the file exports as its default', async () => {
  const name = file('good.mjs', "export default { kind: 'service', name: 'user' }")
  expect(await loadServiceFile(name, dir)).toMatchObject({ kind: 'service', name: 'user' })
})

it.each([
  ['missing.ts', undefined, /there is no such file/],
  ['none.mjs', 'export const x = 1', /default export is no service/],
  ['other.mjs', 'export default 42', /default export is no service/],
  ['throws.mjs', "throw new Error('no database')", /loading it failed/],
  ['syntax.mjs', 'export default {', /loading it failed/],
])('says what is wrong with %s', async (name, text, message) => {
  if (text !== undefined) file(name, text)
  const error = await loadServiceFile(name, dir).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'GOMS_SERVICE_FILE', message: expect.stringMatching(message) })
  expect(error).toHaveProperty('detail.fix')
})

it('tells where in the file it was thrown', async () => {
  const error = await loadServiceFile(file('line.mjs', "\n\nthrow new Error('no database')"), dir).catch((e) => e)
  expect(error.detail).toMatchObject({ found: 'Error: no database', fix: expect.stringMatching(/line\.mjs:3:7/) })
})
