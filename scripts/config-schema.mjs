/** Writes dist/config.schema.json, which editors check and complete configuration files with, from the built schema. */
import { readFileSync, writeFileSync } from 'node:fs'
import { toJsonSchema } from '@valibot/to-json-schema'
import { configSchema } from '../dist/config/schema.js'

const schema = toJsonSchema(configSchema, { errorMode: 'ignore', typeMode: 'input' })
const document = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'goms configuration',
  description: 'config.yml, services.yml and routes.yml of goms',
  ...cleaned(schema),
}
const url = new URL('../dist/config.schema.json', import.meta.url)
const text = `${JSON.stringify(document, null, 2)}\n`
let before
try {
  before = readFileSync(url, 'utf8')
} catch {
  // Not there yet.
}
if (before !== text) writeFileSync(url, text)

/** Without our own notes; other names of a key are offered beside it, as deprecated. */
function cleaned(node) {
  if (Array.isArray(node)) return node.map(cleaned)
  if (typeof node !== 'object' || node === null) return node
  const { goms, $schema, ...rest } = node
  const out = {}
  for (const [key, value] of Object.entries(rest)) {
    if (key === 'properties') out.properties = properties(value)
    else if (key === 'default' && value === undefined) continue
    else out[key] = cleaned(value)
  }
  return out
}

function properties(fields) {
  const out = {}
  for (const [name, field] of Object.entries(fields)) {
    out[name] = cleaned(field)
    for (const alias of field.goms?.aliases ?? []) {
      // `routes` is as good a name as `services`; numbers with a unit in their name are, too.
      out[alias] = { ...out[name], description: `Same as ${name}. ${out[name].description ?? ''}`.trim() }
    }
  }
  return out
}
