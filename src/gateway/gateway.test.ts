import { describe, expect, it } from 'vitest'
import { gateway, isGateway } from './gateway.ts'

describe('gateway()', () => {
  it('is data', () => {
    expect(gateway()).toEqual({ kind: 'gateway', name: 'gateway' })
    expect(isGateway(gateway({ name: 'edge' }))).toBe(true)
    expect(isGateway({ kind: 'service' })).toBe(false)
  })

  it.each([
    [{ name: 'a_b' }, 'GOMS_NAME_INVALID'],
    [{ auth: 'yes' as never }, 'GOMS_OPTION_INVALID'],
    [{ cors: { origins: ['*'], credentials: true } }, 'GOMS_OPTION_INVALID'],
  ])('refuses %j', (options, code) => {
    expect(() => gateway(options)).toThrow(expect.objectContaining({ code }))
  })
})
