/** Answers cut anywhere, held anywhere: what comes out is the same. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Fields } from '../http/fields.ts'
import { AnswerReader } from './answer-reader.ts'

interface Read {
  heads: number[]
  body: string
  trailers: string | undefined
  persistent: boolean | undefined
  error: string | undefined
}

/** Feeds the bytes in pieces of a buffer that is overwritten after each, as the thread's is. */
function read(bytes: Buffer, method: string, sizes: readonly number[], holds: readonly boolean[]): Read {
  const result: Read = { heads: [], body: '', trailers: undefined, persistent: undefined, error: undefined }
  let over = false
  let turn = 0
  const reader = new AnswerReader(
    {
      info: (head) => result.heads.push(head.status),
      head: (head) => result.heads.push(head.status),
      data(chunk) {
        result.body += chunk.toString('latin1')
        return holds.length === 0 || holds[turn++ % holds.length] === false
      },
      end(trailers: Fields, persistent) {
        over = true
        Object.assign(result, { trailers: trailers.text, persistent })
      },
      malformed(error) {
        over = true
        result.error = error.message
      },
    },
    65_536,
  )
  reader.begin(method)
  const shared = Buffer.alloc(bytes.length)
  let at = 0
  for (let n = 0; at < bytes.length && !over; n++) {
    const size = sizes.length === 0 ? bytes.length : (sizes[n % sizes.length] as number)
    const length = bytes.copy(shared, 0, at, Math.min(bytes.length, at + size))
    at += length
    reader.read(shared, length)
    shared.fill(0x21)
    while (reader.held) reader.resume()
  }
  if (!over) reader.close()
  // What came behind an answer is seen in the same read only; later it is unsolicited.
  if (at < bytes.length && result.persistent !== undefined) result.persistent = false
  return result
}

const body = fc.string({ unit: fc.constantFrom('a', '\r', '\n', '0', '\0'), maxLength: 40 })
const chunks = fc.array(
  body.filter((text) => text !== ''),
  { maxLength: 5 },
)
const chunked = fc.tuple(chunks, fc.constantFrom('', 'X-Sum: 1\r\n', 'A: 1\r\nB: 2\r\n')).map(([pieces, trailers]) => {
  const text = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')
  return `Transfer-Encoding: chunked\r\n\r\n${text}0\r\n${trailers}\r\n`
})
const counted = body.map((text) => `Content-Length: ${text.length}\r\n\r\n${text}`)
const infos = fc.constantFrom('', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n')
const answer = fc
  .tuple(infos, fc.constantFrom(200, 204, 304, 404), fc.oneof(chunked, counted), fc.constantFrom('', '', 'x'))
  .map(([info, status, rest, behind]) => Buffer.from(`${info}HTTP/1.1 ${status} \r\n${rest}${behind}`, 'latin1'))
const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 })
const holds = fc.array(fc.boolean(), { maxLength: 5 })
const method = fc.constantFrom('GET', 'GET', 'HEAD')

describe('an answer', () => {
  it('is the same in whatever pieces it comes, and however often it is held', () => {
    fc.assert(
      fc.property(answer, method, sizes, holds, (bytes, asked, pieces, held) => {
        expect(read(bytes, asked, pieces, held)).toEqual(read(bytes, asked, [], []))
      }),
      { numRuns: 3000 },
    )
  })

  it('is the same where it is damaged', () => {
    const damaged = fc
      .tuple(answer, fc.nat(), fc.constantFrom(0, 10, 13, 32, 48, 58, 255))
      .map(([bytes, at, octet]) => {
        bytes[at % bytes.length] = octet
        return bytes
      })
    fc.assert(
      fc.property(damaged, method, sizes, holds, (bytes, asked, pieces, held) => {
        expect(read(bytes, asked, pieces, held)).toEqual(read(bytes, asked, [], []))
      }),
      { numRuns: 3000 },
    )
  })
})
