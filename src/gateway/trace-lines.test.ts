import { describe, expect, it } from 'vitest'
import type { TraceContext } from '../core/context.ts'
import { attemptTrace, attemptWords } from '../telemetry/attempt-position.ts'
import { newTrace, readTraceContext, rootOf } from '../telemetry/trace-context.ts'
import { toTraceWords } from '../telemetry/trace-words.ts'
import { traceLinesOf } from './trace-lines.ts'

function fieldsOf(lines: string): Record<string, string> {
  const pairs = lines
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => line.split(': '))
  return Object.fromEntries(pairs)
}

const trace: TraceContext = newTrace(true)
const received = { trace, traceWords: undefined }
const begun = { trace: rootOf(toTraceWords(trace), true), traceWords: toTraceWords(trace) }

describe('the lines of an attempt', () => {
  const lines = traceLinesOf(['b3', 'w3c'])

  it('are the same, written in one piece or put together', () => {
    for (const number of [1, 2, 3]) {
      expect(fieldsOf(lines.ofAttempt(begun, number))).toEqual(fieldsOf(lines.ofAttempt(received, number)))
    }
    expect(lines.ofAttempt(begun, 1).endsWith('\r\n')).toBe(true)
  })

  it('stand below the request, and say what was decided', () => {
    const fields = fieldsOf(lines.ofAttempt(begun, 2))
    expect(fields).toEqual({
      traceparent: `00-${trace.traceId}-${fields['x-b3-spanid']}-01`,
      'x-b3-traceid': trace.traceId,
      'x-b3-spanid': attemptTrace({ trace, attemptSpans: 'below' }, 2).spanId,
      'x-b3-parentspanid': trace.spanId,
      'x-b3-sampled': '1',
    })
    const not = { trace: { ...trace, sampled: false }, traceWords: toTraceWords({ ...trace, sampled: false }) }
    expect(fieldsOf(lines.ofAttempt(not, 1))).toMatchObject({
      'x-b3-sampled': '0',
      traceparent: expect.stringMatching(/-00$/),
    })
  })

  it('have an id for each attempt, the one that RPC gets too', () => {
    const words = attemptWords({ ...begun, attemptSpans: 'below' }, 2)
    expect(rootOf(words, true).spanId).toBe(fieldsOf(lines.ofAttempt(begun, 2))['x-b3-spanid'])
  })
})

it.each([
  ['w3c', ['traceparent']],
  ['b3', ['x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled']],
  ['b3-single', ['b3']],
  ['uber', ['uber-trace-id']],
] as const)('%s alone is written as it is read', (format, names) => {
  const fields = fieldsOf(traceLinesOf([format]).ofAttempt(begun, 1))
  expect(Object.keys(fields)).toEqual(names)
  const { traceId, spanId, sampled } = attemptTrace({ trace, attemptSpans: 'below' }, 1)
  expect(readTraceContext((name) => fields[name])).toMatchObject({ traceId, spanId, sampled })
})

it('a request where nothing is recorded keeps its own position, undecided', () => {
  const undecided = newTrace()
  const fields = fieldsOf(traceLinesOf(['w3c', 'b3']).ofRequest({ trace: undecided, traceWords: undefined }))
  expect(fields).toEqual({
    traceparent: `00-${undecided.traceId}-${undecided.spanId}-00`,
    'x-b3-traceid': undecided.traceId,
    'x-b3-spanid': undecided.spanId,
  })
})
