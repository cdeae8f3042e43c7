/** Sends one entry of raw requests through a gateway, and says what was not as its verdict has it. */
import type { CorpusGateway, Parser } from './mesh.ts'
import { type Message, readMessages } from './messages.ts'
import { openClient, type RawClient } from './raw-client.ts'
import type { Forwarded, RequestEntry, Verdict } from './request-entry.ts'

/** Asks once more on the same connection: nothing of the entry is left on it. */
const SENTINEL = 'GET /api/user/sentinel HTTP/1.1\r\nHost: sentinel.test\r\n\r\n'
const SENT: Forwarded = { method: 'GET', target: '/sentinel', body: '' }

export interface RequestRun {
  readonly complaints: readonly string[]
  readonly forwarded: readonly Message[]
}

export async function runRequest(entry: RequestEntry, parser: Parser, gateway: CorpusGateway): Promise<RequestRun> {
  const verdict = parser === 'safe' ? entry.safe : entry.verdict
  const client = openClient(gateway.port, gateway.patienceMs)
  const complaints = new Set<string>()
  const complain = (what: string): void => void complaints.add(`${entry.name}: ${what}`)
  await send(client, entry, verdict)
  // A half-closed client may be asked by one of these whether it is there still.
  const isOf = ({ start }: Message): boolean => !(entry.ends && start.startsWith('HTTP/1.1 100 '))
  const answers = (): Message[] => answersOf(client, verdict, complain).filter(isOf)
  const { statuses } = verdict
  await client.until(() => answers().length >= statuses.length && statuses.length > 0)

  const expected = [...verdict.forwarded]
  const goesOn = !verdict.closes && !entry.ends && isPersistent(answers())
  if (goesOn) {
    client.send(SENTINEL)
    expected.push(SENT)
    await client.until(() => answers().length > statuses.length)
  } else await client.until(() => false)
  const over = client.ending() !== 'open'
  client.close()

  const came = answers().map(({ start }) => Number(start.split(' ')[1]))
  const due = goesOn ? [...statuses, 200] : statuses
  if (came.join() !== due.join())
    complain(`answered ${came}, expected ${due}: ${quote(client.heard().toString('latin1'))}`)
  if (!goesOn && !over) complain('the connection is still open')
  const forwarded = gateway.forwarded()
  compare(forwarded, expected, entry, complain)
  return { complaints: [...complaints], forwarded: goesOn ? forwarded.slice(0, -1) : forwarded }
}

async function send(client: RawClient, { pieces, ends }: RequestEntry, { statuses }: Verdict): Promise<void> {
  const isAsked = (statuses[0] ?? 200) < 200
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await client.until(() => client.heard().length > 0, isAsked ? undefined : PIECE_MS)
    client.send(piece)
  }
  if (ends) client.socket.end()
}

/** Time for a piece to be dealt with, unless it is answered before. */
const PIECE_MS = 25

function answersOf(client: RawClient, { forwarded }: Verdict, complain: (what: string) => void): Message[] {
  let final = 0
  try {
    const { messages } = readMessages(
      client.heard(),
      (_, start) => {
        if (start.startsWith('HTTP/1.1 1')) return 'bodiless'
        return forwarded[final++]?.method === 'HEAD' ? 'bodiless' : 'until-end'
      },
      client.ending() === 'end',
    )
    return [...messages]
  } catch (error) {
    complain(`${error}: ${quote(client.heard().toString('latin1'))}`)
    return []
  }
}

function isPersistent(answers: readonly Message[]): boolean {
  const last = answers.at(-1)
  return last !== undefined && !last.fields.some(([name, value]) => name === 'connection' && value === 'close')
}

function compare(
  came: readonly Message[],
  expected: readonly Forwarded[],
  { has, lacks }: RequestEntry,
  complain: (what: string) => void,
): void {
  const shown = came.map(({ start, body }) => `${start} ${quote(body)}`)
  const due = expected.map(({ method, target, body }) => `${method} ${target} HTTP/1.1 ${quote(body)}`)
  if (shown.join('\n') !== due.join('\n')) complain(`forwarded [${shown}], expected [${due}]`)
  for (const { start, fields, trailers } of came) {
    if (start.includes('/sentinel')) continue
    const names = [
      ...fields.map(([name]) => name),
      ...trailers.map((line) => (line.split(':')[0] as string).toLowerCase()),
    ]
    for (const name of lacks) if (names.includes(name)) complain(`forwarded \`${name}\` of ${start}`)
    for (const [name, value] of has) {
      const values = fields.filter(([other]) => other === name).map(([, it]) => it)
      if (values.length !== 1 || values[0] !== value) complain(`forwarded \`${name}\` as ${JSON.stringify(values)}`)
    }
  }
}

function quote(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}… (${text.length})` : text)
}
