import { expect, test } from 'vitest'
import { differFromWords, storeWords } from './shape-words.ts'

const LENGTHS = Array.from({ length: 40 }, (_, i) => i + 1)

/** Bytes of every sign, so that no word is taken for an unsigned one. */
const bytesOf = (length: number): number[] => Array.from({ length }, (_, i) => (i * 151 + 129) & 0xff)

test.each(LENGTHS)('%i bytes are stored as they are, and nothing beside them', (length) => {
  const room = Buffer.alloc(length + 10)
  const view = new DataView(room.buffer, room.byteOffset, room.length)
  const store = new Function('d', 'p', `${storeWords(bytesOf(length))} return p`)
  expect(store(view, 5)).toBe(5 + length)
  expect([...room]).toEqual([0, 0, 0, 0, 0, ...bytesOf(length), 0, 0, 0, 0, 0])
})

test.each(LENGTHS)('of %i bytes each one counts', (length) => {
  const bytes = Buffer.from(bytesOf(length))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const differ = new Function('d', 'p', `return ${differFromWords(bytesOf(length))}`)
  expect(differ(view, 0)).toBe(false)
  for (let i = 0; i < length; i++) {
    bytes.writeUInt8((bytes.readUInt8(i) + 1) & 0xff, i)
    expect(differ(view, 0), `byte ${i}`).toBe(true)
    bytes.writeUInt8((bytes.readUInt8(i) + 255) & 0xff, i)
  }
})
