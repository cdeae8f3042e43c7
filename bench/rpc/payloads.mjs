/** What travels in the benchmark: one shape of 107 bytes of MessagePack, lists of 1 and 64 KB, and fifty methods of different shapes. */

/** 107 bytes as MessagePack (checked before timing); what a user record looks like. */
const small = Object.freeze({
  id: 1234567890123,
  name: 'Ada Lovelace',
  email: 'ada@example.org',
  age: 36,
  score: 99.5,
  admin: false,
  tags: ['math', 'poetry'],
  note: 'xyz',
})

/** A page of what a shop sells; each line takes about 105 bytes. */
function page(rows) {
  return {
    page: 1,
    total: 4711,
    items: Array.from({ length: rows }, (_, i) => ({
      sku: `sku-${1000 + i}`,
      title: `An item of the shop, number ${i}`,
      priceCents: 1999 + i,
      weightKg: i + 0.25,
      inStock: i % 3 !== 0,
      tags: ['new', 'sale'],
    })),
  }
}

/** The methods of the mix; `small` is what the first of them takes. */
export const MIXED = 50

/** What `--payload` can name, and the method that takes it. */
export const PAYLOADS = {
  small: { method: 0, value: small },
  '1k': { method: MIXED, value: page(10) },
  '64k': { method: MIXED + 1, value: page(600) },
}

export const METHODS = MIXED + 2

/** A shape of its own for each method: other fields, other types, other lengths, from 30 to 400 bytes. */
function mixed(method) {
  const value = {}
  for (let i = 0; i <= method % 9; i++) {
    const name = `field${(method * 7 + i) % 50}`
    switch ((method + i) % 6) {
      case 0:
        value[name] = method * 1000 + i
        break
      case 1:
        value[name] = `text of method ${method}`.repeat(1 + (i % 2))
        break
      case 2:
        value[name] = i % 2 === 0
        break
      case 3:
        value[name] = [method, i, method + i]
        break
      case 4:
        value[name] = { inner: method, more: `inner ${i}` }
        break
      default:
        value[name] = method + 0.25
    }
  }
  return value
}

/** What each method takes. */
export const samples = [
  small,
  ...Array.from({ length: MIXED - 1 }, (_, i) => mixed(i + 1)),
  PAYLOADS['1k'].value,
  PAYLOADS['64k'].value,
]

export const methodName = (i) => (i === 0 ? 'echo' : `method${i}`)
