/** Streams of HTTP/1.1 messages: mostly right, often odd, sometimes damaged. From a grammar, then changed byte by byte. */
import type { Chance } from './random.ts'

const CRLF = '\r\n'
const ODD_BREAKS = ['\n', '\r', '\r\r\n', '\n\r', '\r\n\r\n', '\r\n ', '\0\r\n', '']
const ODD_OCTETS = [
  '\0',
  '\t',
  '\n',
  '\r',
  ' ',
  '"',
  '#',
  '%',
  ',',
  ':',
  ';',
  '=',
  '_',
  '\\',
  '\x7f',
  '\x80',
  '\xff',
  '\x0b',
  '\x0c',
  '\x85',
  '\xa0',
]

const METHODS = [
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'QUERY',
  'TRACE',
  'M-SEARCH',
]
const ODD_METHODS = [
  'get',
  'FOO',
  'CONNECT',
  'PRI',
  'SOURCE',
  'DESCRIBE',
  'G ET',
  'GET\t',
  ' GET',
  '',
  'GETT',
  'A'.repeat(40),
]
const TARGETS = [
  '/',
  '/a',
  '/a/b?c=d',
  '/%41?x=%2f',
  'http://h.test/x?y',
  'https://h:8443',
  '/a;b=c/{d}',
  '/?x={y}|^`"<>',
]
const ODD_TARGETS = [
  ...[
    '*',
    'a',
    '',
    '//',
    '/a b',
    '/a#b',
    '/\t',
    '/\xe9',
    'http://',
    'http:///x',
    'ftp://h/',
    'h:443',
    '/\\',
    '?',
    '/\0',
  ],
  ...[
    'http://u@h/',
    'HTTP://H/',
    'http://h\\x/',
    '/..',
    'http:/x',
    'http://h?x',
    'http://[::1]/',
    `/${'a'.repeat(300)}`,
  ],
]
const ODD_VERSIONS = [
  ...[
    'HTTP/1.0',
    'HTTP/1.0',
    'HTTP/1.0',
    'HTTP/0.9',
    'HTTP/1.2',
    'HTTP/2.0',
    'http/1.1',
    'HTTP/1.1 ',
    ' HTTP/1.1',
    'HTTP/1',
    '',
  ],
  ...['HTTP/11', 'HTTP/01.1', 'HTTP/1.01', 'HTTPS/1.1', 'RTSP/1.0', 'ICE/1.0', 'HTTP /1.1', 'HTTP/1,1'],
]
const FIELDS = [
  ...[
    'Accept: */*',
    'X-A: b',
    'x-long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    'Cookie: a=b; c=d',
    'Empty:',
    'X:\t y \t',
  ],
  ...['User-Agent: caf\xe9', 'X_Y: 1', 'goms-a: 1', "!#$%&'*+-.^_`|~: v", 'Date: x', 'Set-Cookie: a', 'Set-Cookie: b'],
]
const CONNECTIONS = [
  ...[
    'close',
    'keep-alive',
    'Keep-Alive',
    'CLOSE',
    'keep-alive, close',
    'x, close',
    'close, x',
    'X-A',
    ' close ',
    'closed',
    'close;x',
  ],
  ...['keep-alive,', ',close', '"close"', 'clo\tse', 'upgrade', ''],
]
const ODD_FIELDS = [
  ...[
    ' X: y',
    '\tX: y',
    'X : y',
    'X\t: y',
    ': y',
    'X',
    'X;Y: z',
    'X\0: y',
    'X: \0',
    'X: a\rb',
    'X: a\nb',
    'X: \x7f',
    'X: \x01',
    'X\xe9: y',
  ],
  ...[
    'Expect: 100-continue',
    'Expect: 200-ok',
    'Expect: 100-continue, x',
    'Upgrade: websocket',
    'Upgrade: h2c',
    'TE: trailers',
  ],
  ...[
    'Host: other',
    'Host: a, b',
    'Host:',
    'Host: a:b',
    'Content-Length: 0',
    'Content-Length: 3',
    'Transfer-Encoding: chunked',
  ],
  ...[
    'Proxy-Connection: keep-alive',
    'Proxy-Connection: close',
    'Content-Lengt: 1',
    'Content-Lengthh: 1',
    'Transfer-Encodin: x',
  ],
]
const ODD_LENGTHS = [
  ...[
    '+3',
    '-1',
    '0x3',
    '3 ',
    ' 3',
    '3,3',
    '3, 3',
    '03',
    '003',
    '3.0',
    '3e0',
    '',
    ' ',
    '\t3',
    '3\t',
    '3 3',
    '9007199254740993',
    '1e1',
  ],
  ...[
    '18446744073709551616',
    '18446744073709551619',
    '000000000000000003',
    '0000000000000000',
    '\x0b3',
    '3\x0c',
    '\xb3',
    '３',
  ],
]
const ODD_CODINGS = [
  ...[
    'Chunked',
    'CHUNKED',
    'chunked ',
    ' chunked',
    '\tchunked',
    'chunked,',
    ',chunked',
    'chunked, chunked',
    'gzip, chunked',
    'chunked, gzip',
  ],
  ...[
    'identity',
    'x',
    '',
    'chunked;q=1',
    'chunked\x0b',
    '"chunked"',
    'chunkedx',
    'xchunked',
    'chunke',
    'chunked, identity',
    'chun\0ked',
  ],
]
const ODD_SIZES = [
  ...[
    '+5',
    '-5',
    '0x5',
    ' 5',
    '5 ',
    '05',
    '0000000000000005',
    '00000000000000000000005',
    '',
    'g',
    'ffffffffffffffff',
    '5\t',
    '\t5',
    '5\0',
  ],
  ...['fffffffffffff', '10000000000000', '5g', '5_0', '5.0', '5,5'],
]
const ODD_EXTENSIONS = [
  ...[
    ';',
    ';a',
    ';a=b',
    ';a="b"',
    ';a="b',
    ';a="\\"b"',
    ';a=',
    ';=b',
    '; a',
    ' ;a',
    ';a ;b',
    ';a;b=c',
    ';a="\r\n"',
    ';a\n',
    ';\xe9',
    ';a=\xe9',
  ],
  ...[
    ';a="\xe9"',
    ';a="\t"',
    ';a="\0"',
    ';a="\\\0"',
    ';a=b"',
    ';a="b"c',
    ';a="b";c',
    ';a;',
    ';a="\\\\"',
    `;${'a'.repeat(200)}`,
  ],
]

/** Words of the grammar, and how often they are odd. */
class Speaker {
  readonly #chance: Chance
  readonly #oddity: number

  constructor(chance: Chance, oddity: number) {
    this.#chance = chance
    this.#oddity = oddity
  }

  odd(): boolean {
    return this.#chance.happens(this.#oddity)
  }

  word(usual: readonly string[], odd: readonly string[]): string {
    return this.#chance.pick(this.odd() ? odd : usual)
  }

  lineBreak(): string {
    return this.#chance.happens(this.#oddity / 3) ? this.#chance.pick(ODD_BREAKS) : CRLF
  }

  fields(own: readonly string[]): string {
    const lines = [...own]
    const more = this.#chance.below(4)
    for (let i = 0; i < more; i++) lines.splice(this.#chance.below(lines.length + 1), 0, this.word(FIELDS, ODD_FIELDS))
    if (this.#chance.happens(0.2)) lines.push(`Connection: ${this.#chance.pick(CONNECTIONS)}`)
    return lines.map((line) => `${this.#cased(line)}${this.lineBreak()}`).join('')
  }

  /** A body with the fields that frame it, or others. */
  framed(): { fields: string[]; body: string } {
    const data = this.#data()
    switch (this.#chance.below(4)) {
      case 0:
        return { fields: [], body: '' }
      case 1:
        return { fields: [`Content-Length: ${this.odd() ? this.#chance.pick(ODD_LENGTHS) : data.length}`], body: data }
      default:
        return { fields: [`Transfer-Encoding: ${this.word(['chunked'], ODD_CODINGS)}`], body: this.#chunks() }
    }
  }

  #data(): string {
    // Of a kind that is a message when it is framed wrongly.
    const kinds = [
      'abc',
      '',
      'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
      '0\r\n\r\n',
      '\r\n',
      'a\0b',
      '5\r\nhello\r\n',
      'x'.repeat(300),
    ]
    return this.#chance.pick(kinds)
  }

  #chunks(): string {
    let text = ''
    for (let i = this.#chance.below(3); i > 0; i--) {
      const data = this.#data() || 'x'
      const size = data.length.toString(16)
      const cased = this.#chance.happens(0.5) ? size.toUpperCase() : size
      text += this.odd() ? this.#chance.pick(ODD_SIZES) : cased
      if (this.odd()) text += this.#chance.pick(ODD_EXTENSIONS)
      text += `${this.lineBreak()}${data}${this.lineBreak()}`
    }
    text += this.word(['0', '0', '00'], ODD_SIZES)
    if (this.odd()) text += this.#chance.pick(ODD_EXTENSIONS)
    text += this.lineBreak()
    const trailers = this.#chance.happens(0.3) ? this.word(FIELDS, ODD_FIELDS) : ''
    if (trailers) text += `${trailers}${this.lineBreak()}`
    return text + this.lineBreak()
  }

  #cased(line: string): string {
    if (!this.#chance.happens(0.1)) return line
    const colon = line.indexOf(':')
    return this.#chance.happens(0.5)
      ? line.slice(0, colon).toUpperCase() + line.slice(colon)
      : line.slice(0, colon).toLowerCase() + line.slice(colon)
  }
}

/** A stream of one to three requests. @param oddity share of odd choices, from 0 to 1 */
export function requestStream(chance: Chance, oddity: number): Buffer {
  const say = new Speaker(chance, oddity)
  let text = ''
  for (let i = chance.below(3); i >= 0; i--) {
    if (say.odd()) text += chance.pick(['\r\n', '\r\n\r\n', '\n', '\r', ' '])
    const version = say.word(['HTTP/1.1'], ODD_VERSIONS)
    const { fields, body } = say.framed()
    const space = say.odd() && chance.happens(0.2) ? chance.pick(['  ', '\t', '']) : ' '
    text += `${say.word(METHODS, ODD_METHODS)}${space}${say.word(TARGETS, ODD_TARGETS)}${space}${version}${say.lineBreak()}`
    const host = say.odd() ? [] : ['Host: h.test']
    text += say.fields([...host, ...fields]) + say.lineBreak() + body
  }
  return damaged(Buffer.from(text, 'latin1'), chance)
}

const STATUSES = ['200', '200', '201', '404', '500', '204', '304', '302', '205', '206']
const ODD_STATUSES = [
  '100',
  '101',
  '103',
  '99',
  '600',
  '999',
  '20',
  '2000',
  'abc',
  '',
  '0200',
  '1xx',
  '+20',
  '199',
  '299',
]
const REASONS = [' OK', ' ', '', ' Not Found', ' caf\xe9', ' a\tb']
const ODD_REASONS = ['  ', ' \0', ' \x7f', '\tOK', ' a\rb', ' a\nb', ` ${'r'.repeat(200)}`]

/** One answer, sometimes with more behind it. */
export function answerStream(chance: Chance, oddity: number): Buffer {
  const say = new Speaker(chance, oddity)
  const version = say.word(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'], ODD_VERSIONS)
  const { fields, body } = say.framed()
  let text = ''
  if (chance.happens(0.1))
    text += `HTTP/1.1 ${chance.pick(['100', '102', '103', '103'])} Early${CRLF}Link: x${CRLF}${CRLF}`
  text += `${version}${chance.happens(oddity / 5) ? '  ' : ' '}${say.word(STATUSES, ODD_STATUSES)}${say.word(REASONS, ODD_REASONS)}`
  text += say.lineBreak() + say.fields(fields) + say.lineBreak() + body
  return damaged(Buffer.from(text, 'latin1'), chance)
}

/** In a third of cases: some octets changed, put in, left out, or a part said twice. */
function damaged(bytes: Buffer, chance: Chance): Buffer {
  if (!chance.happens(0.33) || bytes.length === 0) return bytes
  let text = bytes.toString('latin1')
  for (let i = chance.below(3); i >= 0; i--) {
    const at = chance.below(text.length + 1)
    const octet = chance.happens(0.7) ? chance.pick(ODD_OCTETS) : String.fromCharCode(chance.below(256))
    const size = chance.below(8)
    switch (chance.below(5)) {
      case 0:
        text = text.slice(0, at) + octet + text.slice(at)
        break
      case 1:
        text = text.slice(0, at) + octet + text.slice(at + 1)
        break
      case 2:
        text = text.slice(0, at) + text.slice(at + 1 + size)
        break
      case 3:
        text = text.slice(0, at + size) + text.slice(at)
        break
      default:
        text = text.slice(0, at)
    }
  }
  return Buffer.from(text, 'latin1')
}

/** Where a stream is cut into pieces, ascending, its end among them. */
export function cutsOf(length: number, chance: Chance): number[] {
  if (chance.happens(0.4)) return [length]
  if (chance.happens(0.2)) return Array.from({ length }, (_, i) => i + 1)
  const cuts = new Set<number>([length])
  for (let i = chance.below(4); i >= 0; i--) cuts.add(chance.below(length) + 1)
  return [...cuts].filter((cut) => cut <= length).sort((a, b) => a - b)
}
