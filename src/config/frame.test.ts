import { expect, test } from 'vitest'
import { frameOf, placeOf } from './frame.ts'

const source = (text: string) => ({ path: 'configs/services.yml', text })

test('shows the line, a caret as long as the mistake, and the label', () => {
  const text = `${'\n'.repeat(7)}    exists: { type: rpc, limitter: 5/100, timeout: 2000 }\n`
  const at = text.indexOf('limitter')
  expect(frameOf(source(text), at, at + 8, 'did you mean "limiter"?')).toBe(
    `  --> configs/services.yml:8:26
   |
 8 |     exists: { type: rpc, limitter: 5/100, timeout: 2000 }
   |                          ^^^^^^^^ did you mean "limiter"?
   |`,
  )
})

test('the gutter grows with the line number', () => {
  const text = `${'\n'.repeat(11)}a: b`
  expect(frameOf(source(text), 11, 12)).toBe(
    `   --> configs/services.yml:12:1
    |
 12 | a: b
    | ^
    |`,
  )
})

test('wide letters count two columns and tabs stay tabs', () => {
  const text = '项目: 坏的'
  expect(frameOf(source(text), 4, 6).split('\n')[3]).toBe('   |       ^^^^')
  expect(frameOf(source('\ta: b'), 4, 5).split('\n')[3]).toBe('   | \t   ^')
})

test('a mistake over several lines is shown by its first', () => {
  expect(frameOf(source('a: [1,\n 2]\n'), 3, 10).split('\n')[3]).toBe('   |    ^^^')
})

test('Windows line ends, the end of the file and control characters do no harm', () => {
  expect(frameOf(source('a: b\r\n'), 3, 6).split('\n').slice(2, 4)).toEqual([' 1 | a: b', '   |    ^'])
  expect(placeOf(source('a: b\n'), 99)).toBe('configs/services.yml:2:1')
  expect(frameOf(source('a: \u001b[31m'), 3, 4)).not.toContain('\u001b')
})

test('a long line is cut around the mistake', () => {
  const text = `${'x'.repeat(5000)}HERE${'y'.repeat(5000)}`
  const [, , line, caret] = frameOf(source(text), 5000, 5004).split('\n')
  expect(line?.length).toBeLessThan(140)
  expect(line?.slice(caret?.indexOf('^'), (caret?.lastIndexOf('^') ?? 0) + 1)).toBe('HERE')
})
