/** The answers that a node gives instead of the application: wrong key, wrong node, draining, overloaded, too late. */
import type { ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Refusal } from '../core/call.ts'
import type { Compat } from '../core/options.ts'
import { INTERNAL } from '../http/internal.ts'

/** Why a call is not handed to the application. */
export interface Denial {
  readonly status: number
  readonly code: string
  readonly msg: string
  /** Tells callers of ours that nothing ran, so that they may try elsewhere. */
  readonly refused?: Refusal
  readonly retryAfterSeconds?: number
}

export const WRONG_KEY: Denial = { status: 403, code: 'PERMISSION_DENIED', msg: 'wrong or missing call key' }
/** https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.20 */
export const WRONG_NODE: Denial = {
  status: 421,
  code: 'UNAVAILABLE',
  msg: 'the call was meant for another node',
  refused: 'wrong-node',
}
export const TOO_LATE: Denial = { status: 504, code: 'DEADLINE_EXCEEDED', msg: 'the deadline was over on arrival' }
export const DRAINING: Denial = { status: 503, code: 'DRAINING', msg: 'the node is leaving', refused: 'draining' }
export const STARTING: Denial = { status: 503, code: 'UNAVAILABLE', msg: 'the node is starting', refused: 'overloaded' }
export const OVERLOADED: Denial = {
  status: 503,
  code: 'OVERLOADED',
  msg: 'the node has as many calls in progress as it takes',
  refused: 'overloaded',
  retryAfterSeconds: 1,
}
export const NO_HTTP: Denial = {
  status: 404,
  code: 'UNIMPLEMENTED',
  msg: 'the service has no HTTP application',
  refused: 'unimplemented',
}
export const NO_METHOD: Denial = {
  status: 501,
  code: 'UNIMPLEMENTED',
  msg: 'the service has no such method',
  refused: 'unimplemented',
}
export const NO_UPGRADE: Denial = { status: 501, code: 'UNIMPLEMENTED', msg: 'the service takes no upgrade' }
export const FAILED: Denial = { status: 500, code: 'INTERNAL', msg: 'the service failed; the trace id is in its log' }

/** Answers a request. The trace id is left out where the original had none. */
export function deny(res: ServerResponse, denial: Denial, compat: Compat, traceId: string | undefined): void {
  const { status, headers, body } = toAnswer(denial, compat, traceId)
  // What an application set before it failed belongs to another answer.
  for (const name of res.getHeaderNames()) res.removeHeader(name)
  res.statusMessage = STATUS_CODES[status] ?? ''
  res.writeHead(status, headers)
  res.end(body)
}

/** Answers an upgrade, on the bare connection, and closes it. */
export function denyUpgrade(socket: Duplex, denial: Denial, compat: Compat, traceId: string | undefined): void {
  const { status, headers, body } = toAnswer(denial, compat, traceId)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}Connection: close\r\n\r\n${body}`)
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

function toAnswer(denial: Denial, compat: Compat, traceId: string | undefined): Answer {
  const [status, content] = toContent(denial, compat, traceId)
  const body = JSON.stringify(content)
  const headers: Record<string, string> = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
  }
  if (denial.refused !== undefined) headers[INTERNAL.refused] = denial.refused
  if (denial.retryAfterSeconds !== undefined) headers['Retry-After'] = String(denial.retryAfterSeconds)
  return { status, headers, body }
}

/** The wrong key is the one failure that the originals' services had an answer of their own for. */
function toContent(denial: Denial, compat: Compat, traceId: string | undefined): [number, object] {
  if (denial === WRONG_KEY && compat === 'goms') return [403, { status: false }]
  if (denial === WRONG_KEY && compat === 'go-garden') return [404, { status: false, msg: 'No access permission' }]
  if (compat !== 'native') return [denial.status, { status: false, msg: denial.msg }]
  return [denial.status, { status: false, code: denial.code, msg: denial.msg, ...(traceId && { traceId }) }]
}
