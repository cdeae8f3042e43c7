import { expect, it } from 'vitest'
import { readBulkAnswer, toActionLine } from './elasticsearch-bulk.ts'

const answer = (...statuses: number[]): string =>
  JSON.stringify({
    errors: statuses.some((status) => status >= 300),
    items: statuses.map((status) => ({
      create: { status, ...(status >= 300 && { error: { type: `type_${status}`, reason: `of\n${status}` } }) },
    })),
  })
const batch = ['a', 'b', 'c', 'd']

it('asks to create, with an id and without a type', () => {
  expect(toActionLine({ index: 'logs-2026.11.25', id: 'x1' })).toBe(
    '{"create":{"_index":"logs-2026.11.25","_id":"x1"}}\n',
  )
})

it('takes what is created, and what an earlier try has created', () => {
  expect(readBulkAnswer(batch, answer(201, 201, 409, 200))).toEqual({ kind: 'taken' })
})

it('sends only those again that were not taken for now, and counts those that never will be', () => {
  expect(readBulkAnswer(batch, answer(201, 429, 400, 503))).toEqual({
    kind: 'again',
    reason: '2 of 4 later: 429 type_429: of 429',
    items: ['b', 'd'],
    rejected: 1,
  })
})

it('drops what a mapping refuses, and says why', () => {
  expect(readBulkAnswer(batch, answer(400, 201, 404, 201))).toEqual({
    kind: 'taken',
    rejected: 2,
    reason: '400 type_400: of 400',
  })
})

it.each(['', '<html>', 'null', '{}', '{"items":[]}', '{"items":[null]}', answer(201, 201, 201, 201).slice(0, -5)])(
  'sends all again when the answer is %j: nobody knows',
  (body) => {
    expect(readBulkAnswer(batch, body)).toMatchObject({ kind: 'again' })
    expect(readBulkAnswer(batch, body)).not.toHaveProperty('items')
  },
)
