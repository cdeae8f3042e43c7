/** Renews the tables of docs/configuration.md and docs/zh-CN/configuration.md from the built schema and flags. */
import { readFileSync, writeFileSync } from 'node:fs'
import { withReference } from '../dist/config/reference.js'

for (const [file, language] of [
  ['docs/configuration.md', 'en'],
  ['docs/zh-CN/configuration.md', 'zh'],
]) {
  const url = new URL(`../${file}`, import.meta.url)
  const page = readFileSync(url, 'utf8')
  const renewed = withReference(page, language)
  if (renewed === page) continue
  writeFileSync(url, renewed)
  console.error(`${file}: renewed`)
}
