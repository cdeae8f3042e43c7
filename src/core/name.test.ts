import { describe, expect, it } from 'vitest'
import type { GomsError } from './errors.ts'
import { checkName, isName } from './name.ts'

describe('names', () => {
  it.each(['user', 'user-2', 'a', 'shop.user', 'U1', 'x'.repeat(63)])('takes %s', (name) => {
    expect(checkName('service', name)).toBe(name)
  })

  it.each(['', 'a_b', '-a', 'a-', '.a', 'a/b', 'a b', 'ü', '__proto__', 'a\n', 'x'.repeat(64)])(
    'refuses %j',
    (name) => {
      expect(isName(name)).toBe(false)
      expect(() => checkName('service', name)).toThrow(expect.objectContaining({ code: 'GOMS_NAME_INVALID' }))
    },
  )

  it('says what to write instead of an underscore', () => {
    try {
      checkName('project', 'my_shop')
      expect.unreachable()
    } catch (error) {
      expect((error as GomsError).detail?.fix).toContain('"my-shop"')
    }
  })
})
