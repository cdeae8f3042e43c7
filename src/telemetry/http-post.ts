/** Posts batches to a server by HTTP or HTTPS over kept connections, and says whether another try can help. */
import { Agent, type IncomingMessage, request } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { traceBridge } from '../core/trace-bridge.ts'

export interface HttpPostOptions {
  /** User and password in it become `Authorization: Basic`. */
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  /** @default 'POST' */
  readonly method?: 'POST' | 'PUT'
  /** Connections, as many as there are sends at a time. @default 2 */
  readonly maxSockets?: number
  /** What is kept of an answer; the rest is read and thrown away. @default 64 KiB */
  readonly maxAnswerBytes?: number
}

export type PostOutcome =
  /** A status of 2xx, with the body. */
  | { readonly kind: 'taken'; readonly status: number; readonly body: string }
  /** Provably not taken, or the server asks for another try. */
  | {
      readonly kind: 'again'
      readonly reason: string
      /** Where there was an answer. */
      readonly status?: number
      readonly retryAfterMs?: number | undefined
    }
  | { readonly kind: 'refused'; readonly reason: string; readonly status?: number }

export interface HttpPost {
  /** Never rejects. Redirects are not followed. */
  post(chunks: readonly Uint8Array[], signal: AbortSignal): Promise<PostOutcome>
  /** Closes idle connections. */
  close(): void
}

/** Statuses that ask for another try; the list of OTLP: https://opentelemetry.io/docs/specs/otlp/#otlphttp-response */
const AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504])
/** Failures to connect: nothing was sent. */
const NOT_SENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])
const IDLE_MS = 4000
/** Of the body of an error, into the log. */
const EXCERPT_CHARS = 120

export function createHttpPost(options: HttpPostOptions): HttpPost {
  const { url, maxSockets = 2, maxAnswerBytes = 64 * 1024 } = options
  const tls = url.protocol === 'https:'
  // Servers close idle connections too: ours go first, so that no batch meets one that is about to be closed.
  const agent = new (tls ? TlsAgent : Agent)({ keepAlive: true, maxSockets, timeout: IDLE_MS })
  const headers: Record<string, string> = { ...options.headers }
  if (url.username !== '') {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers.authorization = `Basic ${Buffer.from(user).toString('base64')}`
  }
  const target = {
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (tls ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    method: options.method ?? 'POST',
    agent,
  }

  return {
    post(chunks, signal) {
      const bridge = traceBridge()
      return bridge === undefined ? send(chunks, signal) : bridge.unseen(() => send(chunks, signal))
    },
    close: () => agent.destroy(),
  }

  function send(chunks: readonly Uint8Array[], signal: AbortSignal): Promise<PostOutcome> {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    return new Promise((resolve) => {
      const outgoing = (tls ? tlsRequest : request)(
        { ...target, headers: { ...headers, 'content-length': length }, signal },
        (answer) => readAnswer(answer, maxAnswerBytes).then(resolve),
      )
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        // A kept connection that was closed just then has taken nothing.
        const again = NOT_SENT.has(error.code ?? '') || (outgoing.reusedSocket && error.code === 'ECONNRESET')
        // Several addresses of a name: the one error has them all and no message.
        resolve({ kind: again ? 'again' : 'refused', reason: error.message || String(error.code) })
      })
      for (const chunk of chunks) outgoing.write(chunk)
      outgoing.end()
    })
  }
}

async function readAnswer(answer: IncomingMessage, maxBytes: number): Promise<PostOutcome> {
  const status = answer.statusCode ?? 0
  const kept: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (bytes < maxBytes) kept.push(chunk.subarray(0, maxBytes - bytes))
      bytes += chunk.length
    }
  } catch (error) {
    return { kind: 'refused', reason: `answer ${status} broke off: ${(error as Error).message}` }
  }
  const body = Buffer.concat(kept).toString()
  if (status >= 200 && status < 300) return { kind: 'taken', status, body }
  const reason = `answered ${status}${excerptOf(body)}`
  if (AGAIN.has(status)) {
    return { kind: 'again', reason, status, retryAfterMs: toRetryAfterMs(answer.headers['retry-after']) }
  }
  return { kind: 'refused', reason, status }
}

/** What a server says, as a part of a line of the log. */
export function inOneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a server says forges no line of the log
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim()
}

function excerptOf(body: string): string {
  const text = inOneLine(body)
  if (text === '') return ''
  return `: ${text.length > EXCERPT_CHARS ? `${text.slice(0, EXCERPT_CHARS)}…` : text}`
}

/** Seconds or a date (RFC 9110 §10.2.3). */
function toRetryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const atMs = Date.parse(value)
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - Date.now())
}
