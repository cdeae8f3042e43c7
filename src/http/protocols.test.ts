import { expect, test } from 'vitest'
import { wereAskedFor } from './protocols.ts'

test('a node switches to what was asked for, and to nothing else', () => {
  expect(wereAskedFor('websocket', 'WebSocket')).toBe(true)
  expect(wereAskedFor('a/1, b', 'b')).toBe(true)
  expect(wereAskedFor('a/1, b', ' b ,, A/1')).toBe(true)
  expect(wereAskedFor('websocket', 'h2c')).toBe(false)
  expect(wereAskedFor('websocket', 'websocket, h2c')).toBe(false)
  expect(wereAskedFor('a/1', 'a/2')).toBe(false)
  expect(wereAskedFor('a', ' , ')).toBe(false)
})
