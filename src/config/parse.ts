/** Parses a file as YAML, with positions. */
import { type Document, parseDocument } from 'yaml'
import type { Source } from './frame.ts'
import type { Mistake } from './mistake.ts'

/** The document, or the first thing that is not YAML in it: what follows it is mostly its echo. */
export function parseText(source: Source): Document | Mistake {
  // Keys given twice are found while the tree is read, where both places are known.
  const doc = parseDocument(source.text, { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' })
  const error = doc.errors[0]
  if (error === undefined) return doc as Document
  const [start, end] = error.pos
  const message = error.message.split('\n')[0]?.replace(/[.:]$/, '') ?? ''
  return {
    code: 'GOMS_CONFIG_SYNTAX',
    message: `${source.path} is not valid YAML: ${message}`,
    origin: { kind: 'file', source, written: '', key: [start, end], value: [start, end] },
    fix: hintFor(error.code),
  }
}

function hintFor(code: string): readonly string[] {
  if (code === 'TAB_AS_INDENT') return ['indent with spaces, YAML allows no tabs there']
  if (code === 'MULTIPLE_DOCS') return ['one document a file: take the `---` line out']
  if (code === 'BAD_SCALAR_START' || code === 'BAD_DQ_ESCAPE') return ['put the value in single quotes']
  return []
}
