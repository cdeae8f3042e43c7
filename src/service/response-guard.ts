/** Stands at the head of every answer of an application: no header of ours goes out in its name, and leaving shows. */
import { type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** Who wants to know of the heads; one for all answers of a service. */
export interface HeadWatch {
  /** Whether the connection shall end with this answer. */
  leaving(): boolean
  /** The head is about to go out. */
  head(res: ServerResponse, status: number, eventStream: boolean): void
}

const WATCH: unique symbol = Symbol('goms.headWatch')

type Guarded = ServerResponse & { [WATCH]?: HeadWatch }
type WithReason = (this: ServerResponse, status: number, reason: string, headers: OutgoingHttpHeaders) => ServerResponse
type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined

export function guardResponse(res: ServerResponse, watch: HeadWatch): void {
  const guarded = res as Guarded
  guarded[WATCH] = watch
  // node:http itself comes through this method for implicit heads too.
  guarded.writeHead = writeHead as ServerResponse['writeHead']
}

const nodeWriteHead = ServerResponse.prototype.writeHead

function writeHead(this: Guarded, status: number, reason?: string | Headers, given?: Headers): ServerResponse {
  const text = typeof reason === 'string' ? reason : undefined
  let headers = typeof reason === 'string' || reason === undefined ? given : reason
  const watch = this[WATCH]
  if (watch !== undefined && !this.headersSent) {
    const leaving = watch.leaving()
    for (const name of this.getHeaderNames()) if (name.startsWith('goms-')) this.removeHeader(name)
    if (headers !== undefined) headers = without(headers, leaving)
    if (leaving) this.setHeader('Connection', 'close')
    watch.head(this, status, isEventStream(find(headers, 'content-type') ?? this.getHeader('content-type')))
  }
  if (text === undefined) return nodeWriteHead.call(this, status, headers as OutgoingHttpHeaders)
  return (nodeWriteHead as WithReason).call(this, status, text, headers as OutgoingHttpHeaders)
}

function isEventStream(type: unknown): boolean {
  return typeof type === 'string' && /^text\/event-stream\s*(;|$)/i.test(type)
}

function dropped(name: string, leaving: boolean): boolean {
  const lower = name.toLowerCase()
  return lower.startsWith('goms-') || (leaving && lower === 'connection')
}

/** node:http takes an object, a flat list, or a list of pairs. */
function without(headers: OutgoingHttpHeaders | OutgoingHttpHeader[], leaving: boolean): Headers {
  if (!Array.isArray(headers)) {
    const names = Object.keys(headers)
    if (!names.some((name) => dropped(name, leaving))) return headers
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped(name, leaving)))
  }
  if (Array.isArray(headers[0])) {
    const pairs = headers as unknown as [string, OutgoingHttpHeader][]
    return pairs.filter(([name]) => !dropped(String(name), leaving)) as unknown as OutgoingHttpHeader[]
  }
  return headers.filter((_, i) => !dropped(String(headers[i - (i % 2)]), leaving))
}

function find(headers: Headers, lowerCaseName: string): OutgoingHttpHeader | undefined {
  if (headers === undefined) return undefined
  if (!Array.isArray(headers)) {
    const name = Object.keys(headers).find((one) => one.toLowerCase() === lowerCaseName)
    return name === undefined ? undefined : headers[name]
  }
  const flat = headers.flat()
  const at = flat.findIndex((one, i) => i % 2 === 0 && String(one).toLowerCase() === lowerCaseName)
  return at < 0 ? undefined : flat[at + 1]
}
