import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TraceContext } from '../core/context.ts'
import { childOf, newTrace, readTraceContext, receiveTrace, writeTraceContext } from './trace-context.ts'

const T128 = '4bf92f3577b34da6a3ce929d0e0e4736'
const T64 = 'a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const PARENT = '05e3ac9a4f6e3b90'
const W3C = `00-${T128}-${SPAN}-01`

function read(headers: Record<string, string>): TraceContext | undefined {
  return readTraceContext((name) => (Object.hasOwn(headers, name) ? headers[name] : undefined))
}

function context(traceId: string, sampled: boolean | undefined, parentId?: string, state?: string): TraceContext {
  return { traceId, spanId: SPAN, parentId, sampled, state }
}

function toRecord(flat: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {}
  for (let i = 0; i < flat.length; i += 2) record[flat[i] as string] = flat[i + 1] as string
  return record
}

describe('reading', () => {
  it.each<[string, Record<string, string>, TraceContext]>([
    ['W3C', { traceparent: W3C }, context(T128, true)],
    ['W3C, not sampled', { traceparent: `00-${T128}-${SPAN}-00` }, context(T128, false)],
    ['W3C, unknown flags', { traceparent: `00-${T128}-${SPAN}-fe` }, context(T128, false)],
    ['W3C of a later version', { traceparent: `cc-${T128}-${SPAN}-01-what-is-this` }, context(T128, true)],
    ['W3C with state', { traceparent: W3C, tracestate: 'a=1,b=2' }, context(T128, true, undefined, 'a=1,b=2')],
    ['W3C of a 64-bit id', { traceparent: `00-0000000000000000${T64}-${SPAN}-01` }, context(T64, true)],
    ['b3', { b3: `${T128}-${SPAN}-1-${PARENT}` }, context(T128, true, PARENT)],
    ['b3 with a 64-bit id', { b3: `${T64}-${SPAN}-0` }, context(T64, false)],
    ['b3, debug', { b3: `${T64}-${SPAN}-d` }, context(T64, true)],
    ['b3, not decided', { b3: `${T64}-${SPAN}` }, context(T64, undefined)],
    ['B3 multi', { 'x-b3-traceid': T64, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' }, context(T64, true)],
    [
      'B3 multi with parent',
      { 'x-b3-traceid': T128, 'x-b3-spanid': SPAN, 'x-b3-parentspanid': PARENT, 'x-b3-sampled': '0' },
      context(T128, false, PARENT),
    ],
    ['B3 multi, words', { 'x-b3-traceid': T64, 'x-b3-spanid': SPAN, 'x-b3-sampled': 'true' }, context(T64, true)],
    ['B3 multi, debug', { 'x-b3-traceid': T64, 'x-b3-spanid': SPAN, 'x-b3-flags': '1' }, context(T64, true)],
    ['B3 multi, not decided', { 'x-b3-traceid': T64, 'x-b3-spanid': SPAN }, context(T64, undefined)],
    ['Jaeger', { 'uber-trace-id': `${T128}:${SPAN}:0:1` }, context(T128, true)],
    [
      'Jaeger, short ids',
      { 'uber-trace-id': `abc:f067aa0ba902b7:1f:0` },
      context('0000000000000abc', false, '000000000000001f'),
    ],
    ['Jaeger, debug', { 'uber-trace-id': `${T64}:${SPAN}:${PARENT}:2` }, context(T64, true, PARENT)],
    ['Jaeger, encoded', { 'uber-trace-id': `${T64.toUpperCase()}%3A${SPAN}%3A0%3A01` }, context(T64, true)],
  ])('%s', (_, headers, expected) => {
    expect(read(headers)).toEqual(expected)
  })

  it.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['zero trace id', { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01` }],
    ['zero span id', { traceparent: `00-${T128}-${'0'.repeat(16)}-01` }],
    ['version ff', { traceparent: `ff-${T128}-${SPAN}-01` }],
    ['version 00 that goes on', { traceparent: `${W3C}-more` }],
    ['later version glued on', { traceparent: `01-${T128}-${SPAN}-01more` }],
    ['upper case', { traceparent: W3C.toUpperCase() }],
    ['two of them', { traceparent: `${W3C}, ${W3C}` }],
    ['state alone', { tracestate: 'a=1' }],
    ['b3 without span', { b3: T128 }],
    ['b3, decision only', { b3: '0' }],
    ['b3, odd length', { b3: `${T64}00-${SPAN}-1` }],
    ['B3 multi without span', { 'x-b3-traceid': T64 }],
    ['B3 multi, bad parent', { 'x-b3-traceid': T64, 'x-b3-spanid': SPAN, 'x-b3-parentspanid': '1' }],
    ['B3 multi with a line end', { 'x-b3-traceid': T64, 'x-b3-spanid': `${SPAN}\n` }],
    ['Jaeger, three parts', { 'uber-trace-id': `${T64}:${SPAN}:0` }],
    ['Jaeger, zero', { 'uber-trace-id': '0:1:0:1' }],
    ['Jaeger, long', { 'uber-trace-id': `${'1'.repeat(33)}:1:0:1` }],
  ])('ignores what is malformed: %s', (_, headers) => {
    expect(read(headers)).toBeUndefined()
  })

  it('prefers W3C, then b3, then B3 multi, then Jaeger, and passes over malformed ones', () => {
    const headers: Record<string, string> = {
      traceparent: `00-${'1'.repeat(32)}-${SPAN}-01`,
      b3: `${'2'.repeat(32)}-${SPAN}-1`,
      'x-b3-traceid': '3'.repeat(32),
      'x-b3-spanid': SPAN,
      'uber-trace-id': `${'4'.repeat(32)}:${SPAN}:0:1`,
    }
    for (const [digit, name] of ['traceparent', 'b3', 'x-b3-traceid', 'uber-trace-id'].entries()) {
      expect(read(headers)?.traceId).toBe(String(digit + 1).repeat(32))
      headers[name] = 'malformed'
    }
    expect(read(headers)).toBeUndefined()
  })

  it.each(['x'.repeat(1025), 'a=1\r\nb: 2', 'a=é', 'a=\u0000', ''])('drops a state that cannot travel: %j', (state) => {
    expect(read({ traceparent: W3C, tracestate: state })).toEqual(context(T128, true))
  })

  it('never throws, and never gives an id of another form', () => {
    const names = [
      'traceparent',
      'tracestate',
      'b3',
      'x-b3-traceid',
      'x-b3-spanid',
      'x-b3-parentspanid',
      'uber-trace-id',
    ]
    const value = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF-:%3dx \n'), maxLength: 70 }),
      fc.string(),
      fc.constantFrom(W3C, T64, SPAN, `${T64}-${SPAN}-1`, `${T64}:1:0:1`),
    )
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), (headers) => {
        const found = read(headers)
        if (!found) return
        expect(found.traceId).toMatch(/^(?!0+$)([0-9a-f]{16}|[0-9a-f]{32})$/)
        expect(found.spanId).toMatch(/^(?!0+$)[0-9a-f]{16}$/)
        if (found.parentId !== undefined) expect(found.parentId).toMatch(/^[0-9a-f]{16}$/)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('writing', () => {
  it('writes W3C and B3 multi', () => {
    expect(writeTraceContext(context(T128, true, PARENT, 'a=1'))).toEqual([
      'traceparent',
      W3C,
      'tracestate',
      'a=1',
      'x-b3-traceid',
      T128,
      'x-b3-spanid',
      SPAN,
      'x-b3-parentspanid',
      PARENT,
      'x-b3-sampled',
      '1',
    ])
  })

  it('appends to a list', () => {
    expect(writeTraceContext(context(T64, undefined), ['host', 'a']).slice(0, 4)).toEqual([
      'host',
      'a',
      'traceparent',
      `00-0000000000000000${T64}-${SPAN}-00`,
    ])
  })

  it('can be read back by who knows either format, 64-bit ids included', () => {
    const nibbles = fc.constantFrom(...'0123456789abcdef')
    const id = (n: number) => fc.string({ unit: nibbles, minLength: n, maxLength: n }).filter((s) => !/^0{16}/.test(s))
    const any = fc.record({
      traceId: fc.oneof(id(16), id(32)),
      spanId: id(16),
      parentId: fc.option(id(16), { nil: undefined }),
      sampled: fc.boolean(),
      state: fc.constantFrom(undefined, 'vendor=value'),
    })
    fc.assert(
      fc.property(any, (sent) => {
        const { traceparent, tracestate, ...b3 } = toRecord(writeTraceContext(sent))
        expect(read(b3)).toEqual({ ...sent, state: undefined })
        const w3c = { traceparent: traceparent as string, ...(tracestate === undefined ? {} : { tracestate }) }
        expect(read(w3c)).toEqual({ ...sent, parentId: undefined })
      }),
    )
  })
})

describe('positions', () => {
  it('begin a trace, decided or not', () => {
    const root = newTrace()
    expect(root).toEqual({
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
      parentId: undefined,
      sampled: undefined,
      state: undefined,
    })
    expect(newTrace(true).sampled).toBe(true)
    expect(newTrace().traceId).not.toBe(root.traceId)
  })

  it('pass trace, decision and state on to a child with a span of its own', () => {
    const parent = context(T64, false, PARENT, 'a=1')
    const child = childOf(parent)
    expect(child).toEqual({ ...parent, spanId: child.spanId, parentId: SPAN })
    expect(child.spanId).toMatch(/^[0-9a-f]{16}$/)
    expect(child.spanId).not.toBe(SPAN)
  })

  it('arrive below the sender, or at the root of a new trace', () => {
    expect(receiveTrace((name) => ({ b3: `${T64}-${SPAN}-1` })[name])).toMatchObject({ traceId: T64, parentId: SPAN })
    expect(receiveTrace(() => undefined)).toMatchObject({ parentId: undefined, sampled: undefined })
  })

  it.each<[Record<string, string>, boolean | undefined]>([
    [{ b3: '0' }, false],
    [{ b3: 'd' }, true],
    [{ b3: 'x' }, undefined],
    [{ 'x-b3-sampled': '0' }, false],
    [{ 'x-b3-flags': '1' }, true],
  ])('keep a decision that came without ids: %o', (headers, sampled) => {
    const root = receiveTrace((name) => headers[name])
    expect(root.sampled).toBe(sampled)
    expect(root.parentId).toBeUndefined()
  })
})
