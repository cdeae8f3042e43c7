import { describe, expect, test } from 'vitest'
import { type Fault, fromFaultMetadata, MAX_DATA_CHARS, toFaultMetadata } from './error-metadata.ts'

const FAULT: Fault = {
  code: 'NOT_FOUND',
  message: 'no user "bob"',
  status: 404,
  data: { tried: ['bob'] },
  refusal: undefined,
  retryAfterMs: undefined,
}

function toMap(pairs: readonly string[]): Map<string, string> {
  const map = new Map<string, string>()
  for (let i = 0; i < pairs.length; i += 2) map.set(pairs[i] as string, pairs[i + 1] as string)
  return map
}

function read(metadata: Map<string, string> | Record<string, string>): Fault {
  const map = metadata instanceof Map ? metadata : new Map(Object.entries(metadata))
  return fromFaultMetadata((name) => map.get(name))
}

describe('a fault', () => {
  test('arrives as it was, and readable for Go', () => {
    const refused: Fault = { ...FAULT, refusal: 'draining', retryAfterMs: 1500, data: undefined }
    expect(read(toMap(toFaultMetadata(FAULT)))).toEqual(FAULT)
    expect(read(toMap(toFaultMetadata(refused)))).toEqual(refused)
    expect(toMap(toFaultMetadata(FAULT)).get('__rpcx_error__')).toBe('no user "bob"')
  })

  test('arrives without data that is too large or has no JSON', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    for (const data of ['x'.repeat(MAX_DATA_CHARS), 5n, cycle, () => 1]) {
      expect(read(toMap(toFaultMetadata({ ...FAULT, data })))).toEqual({ ...FAULT, data: undefined })
    }
  })

  test('from Go is UNKNOWN with its text', () => {
    const fault = read({ __rpcx_error__: "rpcx: can't find method Mul" })
    expect(fault).toMatchObject({ code: 'UNKNOWN', message: "rpcx: can't find method Mul", status: undefined })
    expect(read({}).code).toBe('UNKNOWN')
  })

  test('from Go in JSON is read where the text begins with {', () => {
    expect(read({ __rpcx_error__: '{"code":"NO_STOCK","message":"sold out","data":{"left":0}}' })).toMatchObject({
      code: 'NO_STOCK',
      message: 'sold out',
      data: { left: 0 },
    })
    expect(read({ __rpcx_error__: '{"code":404,"message":"gone"}' })).toMatchObject({
      code: 'UNKNOWN',
      message: 'gone',
    })
    expect(read({ __rpcx_error__: '{no json' })).toMatchObject({ code: 'UNKNOWN', message: '{no json' })
    expect(read({ __rpcx_error__: ' {"code":"X"}' })).toMatchObject({ code: 'UNKNOWN', message: ' {"code":"X"}' })
  })

  test('is believed no further than its form goes', () => {
    const fault = read({
      __rpcx_error__: 'x',
      'goms-code': 'ABORTED',
      'goms-status': '200',
      'goms-data': '{',
      'goms-refused': 'because',
      'goms-retry-after-ms': '999999999',
    })
    expect(fault).toEqual({
      code: 'ABORTED',
      message: 'x',
      status: undefined,
      data: undefined,
      refusal: undefined,
      retryAfterMs: 3_600_000,
    })
    expect(read({ __rpcx_error__: 'x', 'goms-code': 'a\nb' }).code).toBe('UNKNOWN')
  })
})
