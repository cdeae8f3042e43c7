/** Has a node answer with the bytes of an entry, and says what a client of the gateway did not see as it is told. */
import { createServer, type Socket } from 'node:net'
import type { AnswerEntry } from './answer-entry.ts'
import { type Message, readMessages } from './messages.ts'
import { openClient, type RawClient } from './raw-client.ts'

/** Paths at the node: the entry's bytes, and an answer that is right. */
export const BAD_PATH = '/bad'
export const GOOD_PATH = '/good'
const GOOD = 'the next answer'

export interface AnswerNode {
  readonly port: number
  /** The entry that answers from now on. Resolves when it has said everything, once. */
  play(entry: AnswerEntry): Promise<void>
  close(): Promise<void>
}

/** Between two pieces. */
const PIECE_MS = 15

export async function startAnswerNode(): Promise<AnswerNode> {
  const sockets = new Set<Socket>()
  let playing: AnswerEntry | undefined
  let said = (): void => {}
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    let rest = Buffer.alloc(0)
    let begun = false
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk])
      if (playing?.early && !begun && rest.includes('\r\n\r\n') && rest.includes(BAD_PATH)) {
        begun = true
        void say(socket, playing).then(said)
      }
      const read = readMessages(rest, () => 'empty')
      rest = Buffer.from(read.rest)
      for (const { start } of read.messages) {
        if (start.includes(GOOD_PATH)) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${GOOD.length}\r\n\r\n${GOOD}`)
        else if (playing && !playing.early) void say(socket, playing).then(said)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    play(entry) {
      playing = entry
      return new Promise((resolve) => {
        said = resolve
      })
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

async function say(socket: Socket, { pieces, ending }: AnswerEntry): Promise<void> {
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, PIECE_MS))
    if (socket.writable) socket.write(piece)
  }
  if (ending === 'ends') socket.end()
  else if (ending === 'resets') setTimeout(() => socket.resetAndDestroy(), PIECE_MS)
}

/** @param action that leads to the node's two paths, by their names without the slash */
export async function runAnswer(entry: AnswerEntry, port: number, node: AnswerNode, action: (path: string) => string) {
  const said = node.play(entry)
  const complaints = new Set<string>()
  const complain = (what: string): void => void complaints.add(`${entry.name}: ${what}`)
  const client = openClient(port)
  client.send(requestOf(entry, action(BAD_PATH)))
  if (entry.alone) await said.then(() => new Promise((resolve) => setTimeout(resolve, PIECE_MS)))
  // A connection that goes on answers what is asked behind it; one that does not is over.
  if (entry.upgrade === undefined && !entry.early) client.send(nextOf(action(GOOD_PATH)))
  await client.until(() => isSeen(entry, client, complain))
  judge(entry, client, complain)
  client.close()

  // Whatever it was, nobody else gets it for an answer.
  for (let i = 0; i < 2; i++) {
    const other = openClient(port)
    other.send(nextOf(action(GOOD_PATH)))
    await other.until(() => false)
    const text = other.heard().toString('latin1')
    if (!text.startsWith('HTTP/1.1 200 ') || !text.endsWith(`\r\n\r\n${GOOD}`)) complain(`the next one: ${quote(text)}`)
    other.close()
  }
  return [...complaints]
}

function requestOf({ method, version, early, upgrade }: AnswerEntry, target: string): string {
  const head = `${method} ${target} HTTP/${version}\r\nHost: a.test\r\n${version === '1.0' ? 'Connection: keep-alive\r\n' : ''}`
  if (early) return `${head}Content-Length: 200000\r\n\r\n${'a'.repeat(100_000)}`
  if (upgrade !== undefined) return `${head}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`
  return method === 'POST' ? `${head}Content-Length: 3\r\n\r\nabc` : `${head}\r\n`
}

function nextOf(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: next.test\r\nConnection: close\r\n\r\n`
}

/** Answers of the client's connection: that of the entry, and the next one. */
function answersOf({ method }: AnswerEntry, client: RawClient, complain: (what: string) => void): Message[] {
  let final = 0
  try {
    const { messages } = readMessages(
      client.heard(),
      (_, start) => {
        const status = Number(start.split(' ')[1])
        if (status < 200 || status === 204 || status === 304) {
          if (status >= 200 || status === 101) final++
          return 'bodiless'
        }
        return final++ === 0 && method === 'HEAD' ? 'bodiless' : 'until-end'
      },
      client.ending() === 'end',
    )
    return [...messages]
  } catch (error) {
    complain(`${error}: ${quote(client.heard().toString('latin1'))}`)
    return []
  }
}

function isSeen(entry: AnswerEntry, client: RawClient, complain: (what: string) => void): boolean {
  if (entry.upgrade === undefined && !entry.early) return false
  return entry.verdict !== 'cut' && answersOf(entry, client, complain).length >= entry.verdict.statuses.length
}

function judge(entry: AnswerEntry, client: RawClient, complain: (what: string) => void): void {
  const { verdict, has, lacks, trailers } = entry
  const answers = answersOf(entry, client, complain)
  const heard = quote(client.heard().toString('latin1'))
  if (verdict === 'cut') {
    if (client.ending() === 'open') complain('the connection is still open')
    const whole = answers.filter(({ start }) => !/^HTTP\/1.1 1/.test(start))
    if (whole.length > 0) complain(`looks complete: ${heard}`)
    return
  }
  const { statuses, body } = verdict
  const own = answers.slice(0, statuses.length)
  const came = own.map(({ start }) => Number(start.split(' ')[1]))
  if (came.join() !== statuses.join()) complain(`answered ${came}, expected ${statuses}: ${heard}`)
  const answer = own.at(-1)
  if (answer === undefined) return
  if (body !== undefined && answer.body !== body) complain(`body ${quote(answer.body)}, expected ${quote(body)}`)
  const names = [
    ...answer.fields.map(([name]) => name),
    ...answer.trailers.map((line) => line.split(':')[0]?.toLowerCase()),
  ]
  for (const name of lacks) if (names.includes(name)) complain(`answered with \`${name}\`: ${heard}`)
  for (const [name, value] of has) {
    const values = answer.fields.filter(([other]) => other === name).map(([, it]) => it)
    if (values.length !== 1 || values[0] !== value) complain(`answered with \`${name}\` as ${JSON.stringify(values)}`)
  }
  if (answer.trailers.join('\n') !== trailers.join('\n')) complain(`trailers ${quote(answer.trailers.join('\n'))}`)
  if (entry.upgrade !== undefined || entry.early) return
  // Behind it the next one, where the connection went on; nothing else in any case.
  const behind = answers.slice(statuses.length)
  const closes = answer.fields.some(([name, value]) => name === 'connection' && value === 'close')
  const due =
    closes || (entry.version === '1.0' && !answer.fields.some(([name]) => name === 'connection')) ? [] : [GOOD]
  if (behind.map((it) => it.body).join() !== due.join())
    complain(`behind it ${quote(behind.map((it) => it.body).join())}`)
  if (client.ending() === 'open') complain('the connection is still open')
}

function quote(text: string): string {
  return JSON.stringify(text.length > 400 ? `${text.slice(0, 400)}… (${text.length})` : text)
}
