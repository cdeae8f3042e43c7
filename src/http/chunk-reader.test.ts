import { describe, expect, it } from 'vitest'
import { ChunkReader } from './chunk-reader.ts'
import { CHUNK_END, chunkHead, lastChunk } from './chunk-writer.ts'

const LIMITS = { headBytes: 200, fieldCount: 3 }

/** Data, and what came behind it: trailers and what is left, the reason of a refusal, or `more`. */
function read(text: string, cuts: readonly number[] = [text.length], extensions = false): [string, unknown] {
  const reader = new ChunkReader({ ...LIMITS, extensions })
  const bytes = Buffer.from(text, 'latin1')
  let data = ''
  let from = 0
  for (const cut of cuts) {
    // Only the piece is there, as in a read buffer that is used again.
    const piece = Buffer.from(bytes.subarray(from, cut))
    from = cut
    let at = 0
    for (;;) {
      const step = reader.read(piece, at, piece.length)
      if (typeof step === 'object') return [data, step.reason]
      at = reader.position
      if (step === 'data') data += piece.toString('latin1', reader.from, reader.to)
      else if (step === 'done') return [data, [reader.trailers.list(), piece.toString('latin1', at)]]
      else break
    }
  }
  return [data, 'more']
}

const cutEverywhere = (text: string): number[] => Array.from({ length: text.length }, (_, i) => i + 1)

describe('a body in chunks', () => {
  it.each([
    ['0\r\n\r\n', '', [[], '']],
    ['5\r\nhello\r\n0\r\n\r\nGET', 'hello', [[], 'GET']],
    ['A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n', '01234567890123456789', [[], '']],
    ['5\r\n\r\n0\r\n\r\n0\r\n\r\n', '\r\n0\r\n', [[], '']],
    ['0\r\nX-Sum: 1\r\nY:\r\n\r\n!', '', [['X-Sum', '1', 'Y', ''], '!']],
  ])('%j', (text, data, end) => {
    expect(read(text)).toEqual([data, end])
    expect(read(text, cutEverywhere(text.slice(0, text.length - (end[1] as string).length)))).toEqual([
      data,
      [end[0], ''],
    ])
  })

  it('waits for what is missing', () => {
    const text = '3\r\nabc\r\n0\r\nA: b\r\n\r\n'
    for (let end = 1; end < text.length; end++) expect(read(text.slice(0, end))[1]).toBe('more')
  })

  it('is followed by others', () => {
    const reader = new ChunkReader({ ...LIMITS, extensions: false })
    const bytes = Buffer.from('1\r\na\r\n0\r\nT: 1\r\n\r\n1\r\nb\r\n0\r\n\r\n')
    expect(reader.read(bytes, 0, bytes.length)).toBe('data')
    expect(reader.read(bytes, reader.position, bytes.length)).toBe('done')
    expect(reader.trailers.count).toBe(1)
    expect(reader.read(bytes, reader.position, bytes.length)).toBe('data')
    expect(bytes.toString('latin1', reader.from, reader.to)).toBe('b')
    expect(reader.read(bytes, reader.position, bytes.length)).toBe('done')
    expect(reader.trailers.count).toBe(0)
  })

  it.each([
    '\r\n',
    'g\r\n',
    '+5\r\n',
    '-5\r\n',
    '0x5\r\n',
    ' 5\r\n',
    '5 \r\n',
    '5\t\r\n',
    '5\n',
    '5\r\r\n',
    '5\r5',
    '5\0\r\n',
    '5_0\r\n',
    '10000000000000\r\n',
    '00000000000001\r\n',
    '3\r\nabcd\r\n',
    '3\r\nabc\n',
    '3\r\nabc\r0',
    '3\r\nab\r\n\r\n0\r\n\r\n',
    '0\r\nX : y\r\n\r\n',
    '0\r\n X: y\r\n\r\n',
    '0\r\nX: y\n\n',
    '0\r\nContent-Length: 3\r\n\r\n',
    '0\r\nTransfer-Encoding: chunked\r\n\r\n',
    '0\r\nHost: x\r\n\r\n',
    '0\r\nConnection: close\r\n\r\n',
    '0\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n',
    `0\r\nA: ${'a'.repeat(200)}\r\n\r\n`,
  ])('%j is refused', (text) => {
    const reason = read(text)[1]
    expect(reason).not.toBe('more')
    expect(reason).toEqual(expect.any(String))
    expect(read(text, cutEverywhere(text))[1]).toBe(reason)
  })

  it('of the largest size is begun', () => {
    expect(read('fffffffffffff\r\nab')).toEqual(['ab', 'more'])
  })
})

describe('extensions of chunks', () => {
  const body = (extension: string): string => `3${extension}\r\nabc\r\n0${extension}\r\n\r\n`

  it.each([';a', ';a=b', ';a="b c;\\"\xe9"', ';a;b=c', ';a="b";c', ';a=""'])(
    '%j is read over, or refused',
    (extension) => {
      expect(read(body(extension), undefined, true)).toEqual(['abc', [[], '']])
      expect(read(body(extension), cutEverywhere(body(extension)), true)).toEqual(['abc', [[], '']])
      expect(read(body(extension))).toEqual(['', 'an extension of a chunk'])
    },
  )

  it.each([
    ';',
    ';=b',
    ';a=',
    '; a',
    ' ;a',
    ';a ',
    ';a =b',
    ';a="b',
    ';a="b"c',
    ';a="\n"',
    ';a="\0"',
    ';a="\\\0"',
    ';a\n',
  ])('%j is malformed', (extension) => {
    expect(read(body(extension), undefined, true)[1]).toEqual(expect.any(String))
    expect(read(body(extension), undefined, true)[0]).toBe('')
  })

  it('are bounded over a whole body', () => {
    const chunk = `1;a=${'x'.repeat(1000)}\r\na\r\n`
    expect(read(chunk.repeat(10), undefined, true)).toEqual(['a'.repeat(10), 'more'])
    expect(read(chunk.repeat(20), undefined, true)[1]).toBe('the extensions of chunks are too large')
  })
})

describe('a body that is written in chunks', () => {
  it('is read as what it was', () => {
    const text = `${chunkHead(26)}${'abc'.repeat(8)}\r\n${CHUNK_END}${chunkHead(1)}x${CHUNK_END}`
    expect(read(text + lastChunk())).toEqual([`${'abc'.repeat(8)}\r\nx`, [[], '']])
    expect(read(text + lastChunk('X-Sum: 1\r\n'))).toEqual([`${'abc'.repeat(8)}\r\nx`, [['X-Sum', '1'], '']])
  })
})
