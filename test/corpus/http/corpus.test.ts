/** The judge is judged: what the corpus is held by must find what is wrong. */
import { expect, test } from 'vitest'
import { parseEntries, unescaped } from './entries.ts'
import { startCorpusGateway } from './mesh.ts'
import { readMessages } from './messages.ts'
import { toRequestEntry } from './request-entry.ts'
import { runRequest } from './request-run.ts'

const ENTRY = [
  ...['# All of it.', '== one', 'rfc 9112 §3', 'refuse 400', '| GET / HTTP/1.1', '| A: \\x41\\s\\', '| \\\\', '|'],
  ...['---', '| late\\', '', '== two', 'rfc 9112 §3', 'accept', '| \\{a\\t*3}'],
].join('\n')

test('entries are read as they stand', () => {
  const [one, two] = parseEntries(ENTRY, 'a.txt')
  expect(one).toMatchObject({ name: 'one', rfc: '9112 §3', directives: [{ word: 'refuse', rest: '400' }] })
  expect(one?.pieces.map(String)).toEqual(['GET / HTTP/1.1\r\nA: A \\\r\n\r\n', 'late'])
  expect(two?.pieces.map(String)).toEqual(['a\ta\ta\t\r\n'])
  expect(unescaped('\\xe9\\0')).toBe('\xe9\0')
})

test.each([
  ['a name twice', '== a\nrfc 1\n== a\nrfc 1'],
  ['no source', '== a\nrefuse 400'],
  ['an unknown escape', '== a\nrfc 1\n| \\q'],
  ['bytes of nobody', '| GET'],
])('%s is found', (_what, text) => {
  expect(() => parseEntries(text, 'a.txt')).toThrow()
})

test.each([
  ['two lengths', 'GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na'],
  ['a length and chunks', 'GET / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a signed length', 'GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\na'],
  ['a folded line', 'GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n'],
  ['a bare line feed', 'GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n'],
  ['an extension', 'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0;a\r\n\r\n'],
  ['a chunk without its end', 'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n\r\n'],
])('a message with %s is none that a gateway may write', (_what, text) => {
  expect(() => readMessages(Buffer.from(text), () => 'empty')).toThrow()
})

const HEAD = '| POST /api/user/login HTTP/1.1\n| Host: a.test\n| Content-Length: 3\n|\n| abc\\\n'

test.each([
  [
    'an answer where a refusal is due',
    'refuse 400',
    /answered 200, expected 400[\s\S]*still open[\s\S]*forwarded \[POST/,
  ],
  ['another body', 'accept\nnode POST /login "abd"', /forwarded \[POST \/login HTTP\/1.1 "abc"/],
  ['a request too many', 'accept\nnode POST /login "abc"\nnode GET /login', /answered 200,200, expected 200,200,200/],
  ['a field too many', 'accept\nnode POST /login "abc"\nnode-lacks host', /forwarded `host`/],
  ['another value', 'accept\nnode POST /login "abc"\nnode-has host: b.test', /forwarded `host` as \["a.test"\]/],
])('%s is complained of', async (_what, verdict, complaint) => {
  const gateway = { ...(await startCorpusGateway('fast')), patienceMs: 200 }
  const [entry] = parseEntries(`== it\nrfc 1\n${verdict}\n${HEAD}`, 'a.txt')
  const { complaints } = await runRequest(toRequestEntry(entry as NonNullable<typeof entry>), 'fast', gateway)
  await gateway.load.stop()
  expect(complaints.join('\n')).toMatch(complaint)
})
