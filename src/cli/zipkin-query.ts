/** Asks Zipkin for a trace: `GET /api/v2/trace/{traceId}`, https://zipkin.io/zipkin-api/#/default/get_trace__traceId_ */
import { GomsError } from '../core/errors.ts'
import { exporterUrl, withoutSecrets, ZIPKIN_ADDRESS } from '../telemetry/exporter-address.ts'

/** For one answer. */
const ANSWER_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/**
 * Where Zipkin tells a trace, by the address that spans are sent to: what stands in front of `/api/v2/spans` stays.
 * @throws GomsError GOMS_CONFIG_INVALID for an address of another form
 */
export function traceUrl(zipkinAddr: string, traceId: string): URL {
  const url = exporterUrl(zipkinAddr, ZIPKIN_ADDRESS)
  const base = url.pathname.replace(/\/+$/, '').replace(/\/api\/v[12]\/spans$/, '')
  url.pathname = `${base}/api/v2/trace/${traceId}`
  return url
}

/**
 * The spans as Zipkin tells them, or undefined where it does not know the trace.
 * @throws GomsError UNAVAILABLE, UNAUTHENTICATED
 */
export async function queryTrace(url: URL): Promise<readonly unknown[] | undefined> {
  const { status, text } = await get(url)
  if (status === 404) {
    // Zipkin says it in a sentence of its own; a page of something else is no answer about traces.
    if (/<html/i.test(text)) throw noZipkin(url, 'it answered 404 with a page')
    return undefined
  }
  if (status === 401 || status === 403) {
    throw new GomsError('UNAUTHENTICATED', `Zipkin at ${shown(url)} answered ${status}`, {
      detail: { fix: 'write user and password into the address: http://user:password@host:9411' },
    })
  }
  if (status !== 200) throw noZipkin(url, `it answered ${status}`)
  const spans = parse(text)
  if (!Array.isArray(spans)) throw noZipkin(url, 'what it answers is no list of spans')
  return spans.length === 0 ? undefined : spans
}

async function get(url: URL): Promise<{ readonly status: number; readonly text: string }> {
  const { href, headers } = withoutUser(url)
  try {
    const answer = await fetch(href, { headers, signal: AbortSignal.timeout(ANSWER_MS) })
    return { status: answer.status, text: await readText(answer) }
  } catch (thrown) {
    if (thrown instanceof GomsError) throw thrown
    throw new GomsError('UNAVAILABLE', `Zipkin cannot be reached at ${shown(url)}: ${reasonOf(thrown)}`, {
      detail: { fix: 'start it, or name another with --zipkin-addr host:9411' },
    })
  }
}

/** `fetch` takes no address with a user. */
function withoutUser(url: URL): { readonly href: string; readonly headers: Record<string, string> } {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (url.username !== '') {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers.authorization = `Basic ${Buffer.from(user).toString('base64')}`
  }
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  return { href: bare.href, headers }
}

async function readText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES)
      throw noZipkin(new URL(answer.url), `its answer has more than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  if (thrown.name === 'TimeoutError') return `no answer within ${ANSWER_MS} ms`
  const { message, code } = (thrown.cause ?? thrown) as NodeJS.ErrnoException
  // Several addresses of a name: the one error has them all and no message.
  return message || code || thrown.message
}

function noZipkin(url: URL, what: string): GomsError {
  return new GomsError('UNAVAILABLE', `no Zipkin at ${shown(url)}: ${what}`, {
    detail: { fix: 'name it with --zipkin-addr host:9411; its API is below /api/v2' },
  })
}

function shown(url: URL): string {
  return withoutSecrets(url.origin)
}
