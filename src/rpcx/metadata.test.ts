import { expect, test } from 'vitest'
import { encodeMetadata, findMetadata, MetadataReader } from './metadata.ts'

test('names read in one pass are what they are one by one, whatever came before', () => {
  const names = ['__AUTH', 'goms-caller', 'goms-target']
  const reader = new MetadataReader(names)
  const requests = [
    ['__AUTH', 'key', 'goms-caller', 'a', 'other-names', 'x', 'goms-target', 'b/1'],
    ['__AUTH', 'key', 'goms-caller', 'a'],
    ['__AUTH', 'kez', 'goms-caller', 'ab', '__AUTH', 'key'],
    ['__AUTH', 'kéy', 'goms-caller', ''],
    ['__AUTH', 'kéy', 'goms-target', 'long'.repeat(100)],
    [],
  ]
  for (const pairs of requests) {
    const bytes = encodeMetadata(pairs)
    const oneByOne = names.map((name) => findMetadata(bytes, 0, bytes.length, name))
    expect(reader.read(bytes, 0, bytes.length)).toEqual(oneByOne)
  }
})
