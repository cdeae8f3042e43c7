/** The judge must turn red when it should; a judge that never does proves nothing. */
import { expect, test } from 'vitest'
import { type Executed, judge, type Sent, toText } from './judge.ts'

function sent(id: string, over: Partial<Sent> = {}): Sent {
  const right = { sentMs: 0, tookMs: 6, status: 200, echoed: id, node: 'a', error: undefined }
  return { id, method: 'POST', ...right, ...over }
}

function ran(id: string, node = 'a'): Executed {
  return { id, node, atMs: 0 }
}

test('a clean run is clean', () => {
  const verdict = judge([sent('1'), sent('2', { node: 'b' })], [ran('1'), ran('2', 'b')])
  expect(verdict).toMatchObject({ sent: 2, lost: [], twice: [], slow: [], crossTalk: [], strangers: [], spread: 0 })
})

test('lost: no answer, a wrong status, and an answer that came too late', () => {
  const history = [
    sent('none', { status: 0, tookMs: undefined, echoed: undefined, error: 'ECONNRESET' }),
    sent('wrong', { status: 502, echoed: undefined }),
    sent('late', { tookMs: 10_001 }),
    sent('right'),
  ]
  const verdict = judge(history, [])
  expect(verdict.lost.map((it) => it.id)).toEqual(['none', 'wrong', 'late'])
  expect(toText(verdict)).toContain('lost: 1 × POST ECONNRESET')
})

test('twice: a POST that ran on two nodes, or two times on one, but not a GET', () => {
  const history = [sent('p'), sent('q'), sent('g', { method: 'GET' })]
  const verdict = judge(history, [ran('p', 'a'), ran('p', 'b'), ran('q'), ran('q'), ran('g'), ran('g', 'b')])
  expect(verdict.twice).toEqual(['p', 'q'])
})

test('cross-talk: an answer with the id of another request is lost as well', () => {
  const verdict = judge([sent('1', { echoed: '2' })], [])
  expect(verdict.crossTalk).toHaveLength(1)
  expect(verdict.lost).toHaveLength(1)
})

test('slow: right, and after more than a second', () => {
  const verdict = judge([sent('1', { tookMs: 1001 }), sent('2', { tookMs: 999 })], [])
  expect(verdict.slow.map((it) => it.id)).toEqual(['1'])
  expect(verdict.maxMs).toBe(1001)
})

test('strangers: what ran and nobody sent', () => {
  expect(judge([sent('1')], [ran('1'), ran('x')]).strangers).toEqual(['x'])
})

test('spread: one node with twice the share of the other is far from even', () => {
  const verdict = judge([sent('1'), sent('2'), sent('3', { node: 'b' })], [])
  expect(verdict.byNode).toEqual({ a: 2, b: 1 })
  expect(verdict.spread).toBeCloseTo(2 / 3)
})
