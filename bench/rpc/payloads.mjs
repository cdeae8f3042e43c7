/** What travels in the benchmark: one shape of 107 bytes of MessagePack, and fifty methods of different shapes. */

/** 107 bytes as MessagePack (checked before timing); what a user record looks like. */
export const small = Object.freeze({
  id: 1234567890123,
  name: 'Ada Lovelace',
  email: 'ada@example.org',
  age: 36,
  score: 99.5,
  admin: false,
  tags: ['math', 'poetry'],
  note: 'xyz',
})

export const METHODS = 50

/** A shape of its own for each method: other fields, other types, other lengths, from 30 to 400 bytes. */
export function mixed(method) {
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

export const methodName = (i) => (i === 0 ? 'echo' : `method${i}`)
