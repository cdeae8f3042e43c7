import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JsonTree, readJson } from './json-tree.ts'

function toText(tree: JsonTree): string {
  if (tree.kind === 'word') return tree.text
  if (tree.kind === 'text') return JSON.stringify(tree.value)
  if (tree.kind === 'list') return `[${tree.items.map(toText).join(',')}]`
  return `{${tree.members.map(([name, value]) => `${JSON.stringify(name)}:${toText(value)}`).join(',')}}`
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('JSON as a tree', () => {
  it('reads all that JSON.parse reads, and nothing else', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const { tree, isCut } = readJson(text, false) ?? {}
        expect(isCut).toBe(false)
        expect(JSON.parse(toText(tree as JsonTree))).toEqual(JSON.parse(text))
      }),
    )
    const near = fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0a1-.e \ntruefalsn'), maxLength: 12 })
    fc.assert(
      fc.property(near, (text) => {
        expect(readJson(text, false) !== undefined).toBe(parses(text))
      }),
      { numRuns: 5000 },
    )
  })

  it('reads the beginning of any JSON, and says no more than it says', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (text, n) => {
        const part = text.slice(0, n % (text.length + 1))
        const read = readJson(part, true)
        expect(read).toBeDefined()
        if (read?.tree !== undefined && !read.isCut) expect(JSON.parse(toText(read.tree))).toEqual(JSON.parse(text))
      }),
    )
  })

  it.each([
    ['{"a":1,"b":"x\\u00', '{"a":1,"b":"x"}'],
    ['{"a":"x\\\\', '{"a":"x\\\\"}'],
    ['{"a":"x\\', '{"a":"x"}'],
    ['{"a":12', '{}'],
    ['[true,fal', '[true]'],
    ['{"a":[{"b":"c', '{"a":[{"b":"c"}]}'],
    ['{"a', '{}'],
    ['{"a":1,"a":2', '{"a":1}'],
  ])('of %s keeps what is whole, and of a text its beginning', (part, whole) => {
    const read = readJson(part, true)
    expect(read?.isCut).toBe(true)
    expect(toText(read?.tree as JsonTree)).toBe(whole)
  })

  it('keeps double names, and numbers as they stand', () => {
    expect(toText(readJson('{"a":1.0,"a":12345678901234567890}', false)?.tree as JsonTree)).toBe(
      '{"a":1.0,"a":12345678901234567890}',
    )
  })

  it('refuses what is nested too deep', () => {
    expect(readJson('['.repeat(5000), true)).toBeUndefined()
    expect(readJson('['.repeat(60) + ']'.repeat(60), false)).toBeDefined()
  })
})
