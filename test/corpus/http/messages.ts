/**
 * Reads HTTP/1.1 messages as the judge of the corpus: nothing of goms in it, and no message in any form but the plainest.
 * What a gateway writes has to be in that form, to nodes and to clients.
 */

export interface Message {
  /** The start line. */
  readonly start: string
  /** Name in lower case and value, in their order. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Latin-1. */
  readonly body: string
  /** Lines. */
  readonly trailers: readonly string[]
  /** All bytes of the message. */
  readonly bytes: Buffer
}

/** What a body is framed by where neither length nor chunks are given. */
export type Unframed = 'empty' | 'until-end'

export interface Read {
  readonly messages: readonly Message[]
  /** What is behind them: the beginning of another one, or nothing. */
  readonly rest: Buffer
}

const HEAD = /^([^\r\n]+)\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n/

/**
 * @param unframed of the nth message, by its number and start line; `bodiless` for none at all, whatever its fields say
 * @param ended the connection has ended
 * @throws Error for what no two parsers need read alike
 */
export function readMessages(
  bytes: Buffer,
  unframed: (index: number, start: string) => Unframed | 'bodiless',
  ended = false,
): Read {
  const messages: Message[] = []
  let at = 0
  while (at < bytes.length) {
    const read = readMessage(bytes.subarray(at), (start) => unframed(messages.length, start), ended)
    if (read === undefined) break
    messages.push(read)
    at += read.bytes.length
  }
  return { messages, rest: bytes.subarray(at) }
}

function readMessage(
  bytes: Buffer,
  unframed: (start: string) => Unframed | 'bodiless',
  ended: boolean,
): Message | undefined {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = HEAD.exec(text)
  if (head?.[0].length !== end + 4) throw new Error(`a malformed head: ${JSON.stringify(text.slice(0, end + 4))}`)
  const start = head[1] as string
  const fields = fieldsOf(head[2] as string)
  const give = (body: string, size: number, trailers: readonly string[] = []): Message => ({
    ...{ start, fields, body, trailers },
    bytes: Buffer.from(bytes.subarray(0, size)),
  })
  const from = end + 4
  const kind = unframed(start)
  const framing = framingOf(fields)
  if (kind === 'bodiless') return give('', from)
  if (framing === 'chunked') {
    const chunks = readChunks(text, from)
    return chunks && give(chunks.body, chunks.end, chunks.trailers)
  }
  if (framing !== undefined) {
    const to = from + framing
    return to > bytes.length ? undefined : give(text.slice(from, to), to)
  }
  if (kind === 'empty') return give('', from)
  return ended ? give(text.slice(from), bytes.length) : undefined
}

function fieldsOf(lines: string): [string, string][] {
  return lines
    .split('\r\n')
    .slice(0, -1)
    .map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    })
}

function framingOf(fields: Message['fields']): number | 'chunked' | undefined {
  const framing = fields.filter(([name]) => name === 'content-length' || name === 'transfer-encoding')
  const [field] = framing
  if (field === undefined) return undefined
  if (framing.length > 1) throw new Error(`framed twice: ${JSON.stringify(framing)}`)
  const [name, value] = field
  if (name === 'transfer-encoding') {
    if (value !== 'chunked') throw new Error(`Transfer-Encoding: ${value}`)
    return 'chunked'
  }
  if (!/^(0|[1-9]\d{0,14})$/.test(value)) throw new Error(`Content-Length: ${value}`)
  return Number(value)
}

function readChunks(text: string, from: number): { body: string; end: number; trailers: string[] } | undefined {
  let body = ''
  let at = from
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = text.slice(at, lineEnd)
    if (!/^[0-9a-fA-F]{1,8}$/.test(size)) throw new Error(`a chunk's size: ${JSON.stringify(size.slice(0, 40))}`)
    at = lineEnd + 2
    const length = Number.parseInt(size, 16)
    if (length === 0) break
    if (text.length < at + length + 2) return undefined
    if (text.slice(at + length, at + length + 2) !== '\r\n') throw new Error('a chunk that does not end')
    body += text.slice(at, at + length)
    at += length + 2
  }
  const trailers: string[] = []
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const line = text.slice(at, lineEnd)
    at = lineEnd + 2
    if (line === '') return { body, end: at, trailers }
    trailers.push(line)
  }
}
