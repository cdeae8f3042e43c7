import { expect, it } from 'vitest'
import type { LogRecord } from '../core/log.ts'
import type { Span } from '../core/span.ts'
import { toDay, toLogDocument, toSpanDocument } from './elasticsearch-document.ts'

const line = (fields: Record<string, unknown> = {}): LogRecord => ({
  time: '2026-11-25T10:00:00.000Z',
  level: 'info',
  service: 'order',
  node: undefined,
  msg: 'hi',
  ...fields,
})
const read = (fields: Record<string, unknown>): unknown => JSON.parse(toLogDocument(line(fields)))
const basis = { '@timestamp': line().time, time: line().time, level: 'info', service: 'order', msg: 'hi' }

it('says the day of a time in UTC', () => {
  expect(toDay('2026-11-25T23:59:59.999Z')).toBe('2026.11.25')
})

it('keeps names of its own as fields where they are of their type, and all others as pairs', () => {
  expect(read({})).toEqual(basis)
  expect(read({ node: 'n', traceId: 't', status: 201, durationMs: 1.5, user: 'bob', tries: 2 })).toEqual({
    ...basis,
    ...{ node: 'n', traceId: 't', status: 201, durationMs: 1.5, fields: ['user=bob', 'tries=2'] },
  })
  expect(read({ status: 'paid', traceId: 7, constructor: 'x', gone: undefined, map: { a: [1] } })).toEqual({
    ...basis,
    fields: ['status=paid', 'traceId=7', 'constructor=x', 'map={"a":[1]}'],
  })
})

it('keeps of an error what it is, and its stack', () => {
  const err = { name: 'Error', message: 'full', code: 'ENOSPC', stack: 'at x', cause: { deep: {} }, errno: -28 }
  expect(read({ err })).toEqual({
    ...basis,
    error: { name: 'Error', code: 'ENOSPC', message: 'full', stack: 'at x' },
  })
  expect(read({ err: 'full' })).toEqual({ ...basis, error: { message: 'full' } })
})

it('is bounded, and holds no half of a character', () => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, 'x'.repeat(20_000)]))
  const text = toLogDocument(line({ ...many, msg: `${'x'.repeat(32_767)}😀` }))
  const document = JSON.parse(text) as { msg: string; fields: string[] }
  expect(document.fields.length).toBe(128)
  expect(document.fields.every((field) => field.length <= 8193)).toBe(true)
  expect(document.msg).toBe(`${'x'.repeat(32_767)}\ufffd…`)
  expect(read({ msg: 'a\ud83db' })).toEqual({ ...basis, msg: 'a\ufffdb' })
  // What only looks like one stays.
  expect(read({ msg: '\\ud83d' })).toEqual({ ...basis, msg: '\\ud83d' })
})

it('writes a span with microseconds, and leaves out what it has not', () => {
  const span: Span = {
    trace: { traceId: 'aa', spanId: 'bb', parentId: undefined, sampled: true, state: undefined },
    ...{ name: 'POST "x"', kind: 'SERVER', service: 'gateway', node: 'n', remote: undefined },
    ...{ startedMs: Date.UTC(2026, 10, 25) + 0.25, durationMs: 1.23456, tags: {} },
  }
  const plain = {
    '@timestamp': '2026-11-25T00:00:00.000250Z',
    ...{
      traceId: 'aa',
      spanId: 'bb',
      name: 'POST "x"',
      kind: 'SERVER',
      service: 'gateway',
      node: 'n',
      durationMs: 1.235,
    },
  }
  expect(JSON.parse(toSpanDocument(span))).toEqual(plain)
  const full = toSpanDocument({
    ...span,
    remote: { service: 'user', port: 1 },
    annotations: [{ atMs: span.startedMs, text: 'retry' }],
    error: { code: 'INTERNAL', message: 'm' },
  })
  expect(JSON.parse(full)).toEqual({
    ...plain,
    remote: { service: 'user', port: 1 },
    annotations: [{ time: plain['@timestamp'], text: 'retry' }],
    error: { code: 'INTERNAL', message: 'm' },
  })
})
