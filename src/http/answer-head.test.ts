import { describe, expect, it } from 'vitest'
import { ANSWER_LIMITS, AnswerHeadReader, type ReadAnswerHead } from './answer-head.ts'

function read(text: string, method = 'GET', limits = ANSWER_LIMITS) {
  const bytes = Buffer.from(text, 'latin1')
  return new AnswerHeadReader(limits).read(bytes, 0, bytes.length, method)
}

describe('the head of an answer', () => {
  it('gives what it says, and where it ended', () => {
    const text = 'HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX: y\r\n\r\n'
    const head = read(`${text}abc`) as ReadAnswerHead
    expect(head).toMatchObject({
      state: 'head',
      status: 404,
      reason: 'Not Found',
      version: '1.1',
      contentLength: 3,
      bodiless: false,
      framing: 'length',
      keepAlive: true,
      end: text.length,
    })
    expect(head.fields.list()).toEqual(['Content-Length', '3', 'X', 'y'])
  })

  it.each([
    ['HTTP/1.1 200 OK', 'OK'],
    ['HTTP/1.1 200 ', ''],
    ['HTTP/1.1 200', ''],
    ['HTTP/1.1 200 caf\xe9\t!', 'caf\xe9\t!'],
  ])('%j has the reason %j', (line, reason) => {
    expect(read(`${line}\r\n\r\n`)).toMatchObject({ state: 'head', reason })
  })

  it.each([
    'HTTP/1.1 200 OK\n',
    'HTTP/1.1  200 OK\r\n',
    'HTTP/1.1 20 OK\r\n',
    'HTTP/1.1 2000 OK\r\n',
    'HTTP/1.1 099 OK\r\n',
    'HTTP/1.1 600 OK\r\n',
    'HTTP/1.1 20x OK\r\n',
    'HTTP/2.0 200 OK\r\n',
    'HTTP/1.2 200 OK\r\n',
    'http/1.1 200 OK\r\n',
    '\r\nHTTP/1.1 200 OK\r\n',
    'HTTP/1.1 200 O\0K\r\n',
    'HTTP/1.1 200 O\rK\r\n',
    'HTTP/1.1 200\tOK\r\n',
    'HTTP/1.1 200 OK\r\nX : y\r\n',
    'HTTP/1.1 200 OK\r\nX: y\n',
    'HTTP/1.1 200 OK\r\nX: y\r\n z\r\n',
  ])('%j is refused', (text) => {
    expect(read(text)).toMatchObject({ state: 'refused', status: 502 })
  })

  it('has bounds', () => {
    const limits = { headBytes: 60, fieldCount: 2, targetBytes: 0 }
    expect(read('HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n', 'GET', limits)).toMatchObject({ state: 'head' })
    expect(read('HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\n', 'GET', limits)).toMatchObject({ status: 502 })
    expect(read(`HTTP/1.1 200 OK\r\nA: ${'a'.repeat(41)}`, 'GET', limits)).toMatchObject({ state: 'refused' })
    expect(read(`HTTP/1.1 200 OK\r\nA: ${'a'.repeat(39)}`, 'GET', limits)).toEqual({ state: 'incomplete' })
  })

  it('is the same in pieces', () => {
    const text = 'HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nEmpty:\r\n\r\n'
    const bytes = Buffer.from(text)
    const reader = new AnswerHeadReader()
    for (let cut = 1; cut < text.length; cut++) {
      expect(reader.read(bytes, 0, cut, 'GET')).toEqual({ state: 'incomplete' })
      expect(reader.read(bytes, 0, bytes.length, 'GET')).toEqual(read(text))
    }
    for (let end = 0; end < text.length; end++) {
      expect(reader.read(bytes, 0, end, 'GET')).toEqual({ state: 'incomplete' })
    }
    expect(reader.read(bytes, 0, text.length, 'GET')).toEqual(read(text))
  })
})

describe('the body of an answer', () => {
  it.each([
    ['GET', '200', ['Content-Length: 3'], 'length', 3],
    ['GET', '200', ['Transfer-Encoding: Chunked'], 'chunked', undefined],
    ['GET', '200', [], 'close', undefined],
    ['HEAD', '200', ['Content-Length: 3'], 'none', 3],
    ['HEAD', '200', ['Transfer-Encoding: chunked'], 'none', undefined],
    ['HEAD', '200', [], 'none', undefined],
    ['GET', '304', ['Content-Length: 3'], 'none', 3],
    ['GET', '204', [], 'none', undefined],
    ['GET', '204', ['Content-Length: 0'], 'none', 0],
    ['GET', '103', [], 'none', undefined],
    ['GET', '101', ['Upgrade: x', 'Connection: upgrade'], 'none', undefined],
  ])('of %s, %s with %j is framed by %s', (method, status, fields, framing, contentLength) => {
    const head = read(`HTTP/1.1 ${status} X\r\n${fields.map((line) => `${line}\r\n`).join('')}\r\n`, method)
    expect(head).toMatchObject({ state: 'head', framing, contentLength, bodiless: framing === 'none' })
  })

  it.each([
    ['200', ['Content-Length: 3', 'Content-Length: 4']],
    ['200', ['Content-Length: 3', 'Content-Length: 3']],
    ['200', ['Content-Length: 3, 3']],
    ['200', ['Content-Length: -3']],
    ['200', ['Content-Length: 3', 'Transfer-Encoding: chunked']],
    ['200', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['200', ['Transfer-Encoding: gzip, chunked']],
    ['200', ['Transfer-Encoding: identity']],
    ['204', ['Content-Length: 3']],
    ['204', ['Transfer-Encoding: chunked']],
    ['103', ['Content-Length: 3']],
    ['101', []],
    ['101', ['Upgrade: x']],
  ])('%s with %j is refused', (status, fields) => {
    expect(read(`HTTP/1.1 ${status} X\r\n${fields.map((line) => `${line}\r\n`).join('')}\r\n`)).toMatchObject({
      state: 'refused',
    })
  })

  it('is not in chunks, nor announced by 1xx, in HTTP/1.0', () => {
    expect(read('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')).toMatchObject({ state: 'refused' })
    expect(read('HTTP/1.0 103 X\r\n\r\n')).toMatchObject({ state: 'refused' })
  })
})

describe('the connection of an answer', () => {
  it.each([
    ['1.1', ['Content-Length: 3'], true],
    ['1.1', ['Content-Length: 3', 'Connection: close'], false],
    ['1.1', [], false],
    ['1.0', ['Content-Length: 3'], false],
    ['1.0', ['Content-Length: 3', 'Connection: keep-alive'], true],
    ['1.0', ['Connection: keep-alive'], false],
  ])('HTTP/%s with %j goes on: %s', (version, fields, keepAlive) => {
    const head = read(`HTTP/${version} 200 OK\r\n${fields.map((line) => `${line}\r\n`).join('')}\r\n`)
    expect(head).toMatchObject({ state: 'head', keepAlive })
  })
})
