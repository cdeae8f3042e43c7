import { describe, expect, it } from 'vitest'
import { FIELD, kindOfBytes, kindOfField } from './field-kinds.ts'
import { Fields } from './fields.ts'
import { fieldValueEnd } from './octets.ts'

describe('fields of a message', () => {
  const fields = Fields.of(['Host', 'h', 'X-A', '1', 'Cookie', 'a=b', 'x-a', '2', 'Keep-Alive', 'x', 'Y_Z', '3'])

  it('are found by name in either case, several joined', () => {
    expect(fields.get('x-a')).toBe('1, 2')
    expect(fields.get('host')).toBe('h')
    expect(fields.get('x-b')).toBeUndefined()
  })

  it('are found by kind', () => {
    expect(fields.ofKind(FIELD.cookie)).toBe('a=b')
    expect(fields.ofKind(FIELD.framing)).toBeUndefined()
    expect(Fields.of(['Connection', 'a', 'connection', 'b']).ofKind(FIELD.connection)).toBe('a, b')
  })

  it('are left out by kind and by name', () => {
    expect(fields.without(FIELD.hop | FIELD.underscore)).toBe('Host: h\r\nX-A: 1\r\nCookie: a=b\r\nx-a: 2\r\n')
    expect(fields.without(FIELD.host, new Set(['x-a']))).toBe('Cookie: a=b\r\nKeep-Alive: x\r\nY_Z: 3\r\n')
    expect(fields.without(FIELD.framing)).toBe(fields.text)
    expect(Fields.of(['Host', 'h']).without(FIELD.host)).toBe('')
    expect(Fields.NONE.without(FIELD.host, new Set(['a']))).toBe('')
  })
})

describe('kinds of fields', () => {
  const names = [
    ...[
      'host',
      'hos',
      'hosts',
      'content-length',
      'transfer-encoding',
      'connection',
      'x-b3-sampled',
      'x-b3-traceid',
      'te',
    ],
    ...[
      'goms-',
      'goms-x',
      'goms',
      'goms-x_y',
      'call-key',
      'call_key',
      'a_b',
      '_',
      'x'.repeat(63),
      'x'.repeat(64),
      'b3',
    ],
    ...[
      'access-control-allow-credentials',
      'x-forwarded-for',
      'x-forwarded-fo',
      'x-forwarded-',
      'x-forwarded',
      'x-forwarded_for',
      'upgrade',
      'expect',
      `goms-${'x'.repeat(99)}`,
    ],
  ]

  it.each(names)('%s is the same by its text and by its octets', (name) => {
    for (const written of [name, name.toUpperCase()]) {
      const bytes = Buffer.from(`..${written}..`)
      expect(kindOfBytes(bytes, 2, 2 + name.length, name.includes('_'))).toBe(kindOfField(name))
    }
  })
})

describe('the end of a value', () => {
  it('is the same wherever it stands, read by octets or by words', () => {
    const bytes = Buffer.alloc(64, 'a')
    const stops = (octet: number): boolean => (octet < 0x20 && octet !== 0x09) || octet === 0x7f
    for (let octet = 0; octet < 256; octet++) {
      for (let at = 8; at < 20; at++) {
        bytes.fill('a').fill(0xe9, 30, 40)
        bytes[at] = octet
        for (const start of [5, 6, 7, 8]) {
          expect(fieldValueEnd(bytes, start, 50)).toBe(stops(octet) && at >= start ? at : 50)
          // A view of the same memory, and memory that is seen for the first time.
          expect(fieldValueEnd(bytes.subarray(3), start - 3, 47)).toBe(stops(octet) && at >= start ? at - 3 : 47)
        }
      }
    }
  })
})
