/** Asks a port on loopback who is there, once or again and again: an embedded registry, nobody, a stranger, or silence. */
import { type ClientHttp2Session, connect } from 'node:http2'
import type { Clock, Timer } from '../core/clock.ts'
import { EMBEDDED_NAME } from './embedded-name.ts'
import { StatusResponse } from './etcd-answers.ts'
import { ETCD_PATHS } from './etcd-codec.ts'
import { createFrameSplitter, toFrame } from './grpc-frame.ts'

export type Sighting =
  | {
      readonly state: 'embedded'
      readonly memberId: bigint
      /** Where this incarnation began: the later of two hosts is the one to keep. */
      readonly startRevision: bigint
      readonly revision: bigint
    }
  | { readonly state: 'free' }
  | { readonly state: 'stranger'; readonly what: string }
  /** Connected, but no answer in time: stopped, or no registry at all. */
  | { readonly state: 'silent' }

const STATUS_HEADERS = {
  ':method': 'POST',
  ':path': ETCD_PATHS.status,
  'content-type': 'application/grpc',
  te: 'trailers',
} as const
const MAX_ANSWER_BYTES = 64 * 1024

/** Who listens on 127.0.0.1:`port`. Never rejects; takes `timeoutMs` at most. */
export function probe(port: number, clock: Clock, timeoutMs: number): Promise<Sighting> {
  return new Promise((resolve) => {
    const session = open(port)
    const timer = clock.after(timeoutMs, () => done({ state: 'silent' }))
    function done(sighting: Sighting): void {
      timer.cancel()
      resolve(sighting)
      session.destroy()
    }
    session.on('error', (error: NodeJS.ErrnoException) =>
      done(error.code === 'ECONNREFUSED' ? { state: 'free' } : { state: 'stranger', what: 'another program' }),
    )
    session.on('close', () => done({ state: 'stranger', what: 'a program that hangs up' }))
    ask(session, done)
  })
}

export interface HostWatch {
  /** Resolves with the reason once the host is gone, silent for `silentMs`, or another one. */
  readonly lost: Promise<string>
  /** The highest revision that it told. */
  readonly revision: bigint
  close(): void
}

export interface HostWatchOptions {
  readonly clock: Clock
  /** Pause between two questions. */
  readonly everyMs: number
  readonly silentMs: number
}

/** A timer later than this means that this process stood still itself: the answer may be waiting, the host gets another chance. */
const OWN_STALL_MS = 250

/** Keeps an eye on the host with that identity over one connection. */
export function watchHost(port: number, memberId: bigint, options: HostWatchOptions): HostWatch {
  const { clock, everyMs, silentMs } = options
  const session = open(port)
  let timer: Timer | undefined
  let over = false
  let revision = 0n
  let tell: (why: string) => void
  const lost = new Promise<string>((resolve) => {
    tell = resolve
  })

  function end(why: string): void {
    if (over) return
    over = true
    timer?.cancel()
    session.destroy()
    tell(why)
  }

  function waitForAnswer(): void {
    const dueMs = clock.now() + silentMs
    timer = clock.after(silentMs, () => {
      if (clock.now() - dueMs > OWN_STALL_MS) waitForAnswer()
      else end(`no answer for ${silentMs} ms`)
    })
  }

  function round(): void {
    if (over) return
    waitForAnswer()
    ask(session, (sighting) => {
      timer?.cancel()
      if (over) return
      if (sighting.state !== 'embedded' || sighting.memberId !== memberId) {
        end('another one answers')
        return
      }
      revision = sighting.revision
      timer = clock.after(everyMs, round)
    })
  }

  session.on('error', () => end('connection lost'))
  session.on('close', () => end('connection lost'))
  session.on('goaway', () => end('it is leaving'))
  round()
  return {
    lost,
    get revision() {
      return revision
    },
    close: () => end('closed'),
  }
}

function open(port: number): ClientHttp2Session {
  return connect(`http://127.0.0.1:${port}`)
}

/** One Status call. Does not call back where the connection fails: the session's own events tell. */
function ask(session: ClientHttp2Session, answer: (sighting: Sighting) => void): void {
  // Asked of a session that is just ending, `request` throws.
  if (session.destroyed || session.closed) return
  const stream = session.request(STATUS_HEADERS)
  const take = createFrameSplitter(MAX_ANSWER_BYTES, (bytes) => {
    const status = StatusResponse.decode(bytes)
    const { memberId = 0n, revision = 0n } = status.header ?? {}
    answer(
      status.version.includes(EMBEDDED_NAME)
        ? { state: 'embedded', memberId, revision, startRevision: status.raftTerm }
        : { state: 'stranger', what: `etcd ${status.version}` },
    )
  })
  let answered = false
  stream.on('error', () => {})
  stream.on('data', (chunk: Buffer) => {
    answered = true
    try {
      take(chunk)
    } catch {
      answer({ state: 'stranger', what: 'another program' })
    }
  })
  // Answered, but not with a status: a web server that speaks HTTP/2, for one.
  stream.on('end', () => {
    if (!answered && !session.destroyed) answer({ state: 'stranger', what: 'another program' })
  })
  stream.end(toFrame(Buffer.alloc(0)))
}
