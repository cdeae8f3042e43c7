import { describe, expect, it } from 'vitest'
import { GomsError } from '../core/errors.ts'
import type { Compat } from '../core/options.ts'
import { replacedAnswer, toFailure } from './failures.ts'

const breaker = new GomsError('UNAVAILABLE', 'open', { data: { reason: 'breaker' }, retryAfterMs: 1200 })
const unreachable = new GomsError('UNAVAILABLE', 'refused', { cause: new Error('ECONNREFUSED') })

describe('failures', () => {
  it.each([
    ['native', new GomsError('NOT_FOUND', 'm'), 404, '{"status":false,"code":"NOT_FOUND","msg":"m","traceId":"t"}'],
    ['native', new GomsError('UNAVAILABLE', 'm'), 503, '{"status":false,"code":"UNAVAILABLE","msg":"m","traceId":"t"}'],
    [
      'native',
      new GomsError('INTERNAL', 'secret'),
      500,
      '{"status":false,"code":"INTERNAL","msg":"internal error","traceId":"t"}',
    ],
    ['goms', new GomsError('NOT_FOUND', 'm'), 500, '{"status":false}'],
    ['goms', new GomsError('UNAVAILABLE', 'm'), 500, '{"status":false}'],
    ['goms', new GomsError('DEADLINE_EXCEEDED', 'm'), 500, '{"status":false}'],
    ['goms', new GomsError('BAD_GATEWAY', 'm'), 500, '{"status":false}'],
    ['goms', new GomsError('UNAUTHENTICATED', 'm'), 401, '{"status":false}'],
    ['go-garden', new GomsError('NOT_FOUND', 'm'), 404, '{"status":false,"msg":"The resource could not be found"}'],
    ['go-garden', new GomsError('UNAVAILABLE', 'm'), 404, '{"status":false,"msg":"The resource could not be found"}'],
    ['go-garden', new GomsError('RESOURCE_EXHAUSTED', 'm'), 404, '{"status":false,"msg":"Server limit flow"}'],
    ['go-garden', breaker, 404, '{"status":false,"msg":"Server fusing flow"}'],
    ['go-garden', unreachable, 500, '{"status":false,"msg":"Server Error"}'],
    ['go-garden', new GomsError('DEADLINE_EXCEEDED', 'm'), 500, '{"status":false,"msg":"Request timeout"}'],
    ['go-garden', new GomsError('BAD_GATEWAY', 'm'), 500, '{"status":false,"msg":"Server Error"}'],
    ['go-garden', new GomsError('UNAUTHENTICATED', 'who?'), 401, '{"status":false,"msg":"who?"}'],
  ] as [Compat, GomsError, number, string][])('%s: %s', (compat, error, status, body) => {
    expect(toFailure(error, compat, 't')).toMatchObject({ status, body })
  })

  it('tell when to come back in whole seconds, at least one', () => {
    const after = (ms: number): string | undefined => {
      const { headers } = toFailure(new GomsError('UNAVAILABLE', 'm', { retryAfterMs: ms }), 'native', undefined)
      return headers[headers.indexOf('retry-after') + 1]
    }
    expect([0, 1, 1000, 1001].map(after)).toEqual(['1', '1', '1', '2'])
    expect(toFailure(new GomsError('UNAVAILABLE', 'm'), 'native', undefined).headers).not.toContain('retry-after')
  })

  it('keep a status that makes no sense to themselves', () => {
    expect(toFailure(new GomsError('ODD', 'm', { status: 200 }), 'native', undefined).status).toBe(500)
  })
})

describe('a service’s own answer of 400 and above', () => {
  it.each([
    ['native', 404, undefined],
    ['goms', 399, undefined],
    ['goms', 404, { status: 500, body: '{"status":false}' }],
    ['go-garden', 503, { status: 503, body: '{"status":false,"msg":"Server Error"}' }],
  ] as const)('%s, %s', (compat, status, expected) => {
    const replaced = replacedAnswer(status, compat)
    if (expected) expect(replaced).toMatchObject(expected)
    else expect(replaced).toBeUndefined()
  })
})
