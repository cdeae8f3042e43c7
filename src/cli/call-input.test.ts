import { describe, expect, it } from 'vitest'
import { inputOf } from './call-input.ts'

async function* stdin(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text)
}

const read = (...args: string[]): Promise<unknown> => inputOf(args, stdin())

describe('input', () => {
  it.each<[readonly string[], unknown]>([
    [[], undefined],
    [['{"username":"bob"}'], { username: 'bob' }],
    [['["a=b"]'], ['a=b']],
    [['"a=b"'], 'a=b'],
    [['5'], 5],
    [['username=bob'], { username: 'bob' }],
    [
      ['n=1', 'yes=true', 'no=null', 'text="1"', 'list=[1,2]', 'it={"a":1}', 'empty=', 'eq=a=b'],
      { n: 1, yes: true, no: null, text: '1', list: [1, 2], it: { a: 1 }, empty: '', eq: 'a=b' },
    ],
    [['id=9007199254740993'], { id: 9007199254740993n }],
    [['id=99999999999999999999999'], { id: '99999999999999999999999' }],
    [['zip=00501'], { zip: '00501' }],
  ])('%j is %o', async (args, input) => {
    expect(await read(...args)).toEqual(input)
  })

  it('of standard input, in pieces', async () => {
    expect(await inputOf(['-'], stdin('{"user', 'name":"ö"}'))).toEqual({ username: 'ö' })
    expect(await inputOf(['-'], stdin('\n'))).toBeUndefined()
  })

  it('gives every name a property of its own', async () => {
    expect(Object.keys((await read('__proto__=1')) as object)).toEqual(['__proto__'])
  })

  it.each([
    ['no JSON', ['{username:bob}']],
    ['two texts', ['{}', '{}']],
    ['a pair and no pair', ['a=1', '{}']],
    ['a name twice', ['a=1', 'a=2']],
  ])('that is %s is a mistake', async (_name, args) => {
    await expect(read(...args)).rejects.toMatchObject({ code: 'GOMS_USAGE' })
  })

  it('is bounded', async () => {
    const piece = 'x'.repeat(1024 * 1024)
    await expect(inputOf(['-'], stdin(...Array<string>(17).fill(piece)))).rejects.toMatchObject({ code: 'GOMS_USAGE' })
  })
})
