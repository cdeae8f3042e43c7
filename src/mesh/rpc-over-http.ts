/** A typed call to nodes that speak HTTP only: POST with JSON to the configured route, and the data out of its envelope. */
import type { CallContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { CallOptions, MethodRef } from '../core/rpc-client.ts'
import type { ActionRequest } from '../core/running.ts'
import type { HttpCaller } from './http-call.ts'

const NO_BODY_METHODS = new Set(['GET', 'HEAD', 'DELETE'])

/** @param methods HTTP methods that the route lets through; undefined: any, and then it is POST */
export async function callOverHttp(
  http: HttpCaller,
  ref: MethodRef,
  methods: readonly string[] | undefined,
  input: unknown,
  options: CallOptions,
  context: CallContext | undefined,
): Promise<unknown> {
  const { timeoutMs = ref.options?.timeoutMs, retries = ref.options?.retries, signal } = options
  const method = methods === undefined || methods.includes('POST') ? 'POST' : (methods[0] ?? 'POST')
  const request: ActionRequest = {
    method,
    ...(NO_BODY_METHODS.has(method) ? { query: toQuery(input) } : { json: input ?? null }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(retries !== undefined && { retries }),
    ...(signal !== undefined && { signal }),
  }
  const response = await http(ref.service, ref.method, request, context)
  const where = `${ref.service}.${ref.method}`
  const text = await response.text()
  return unwrap(where, response.status, text)
}

function unwrap(where: string, status: number, text: string): unknown {
  const body = toJson(text)
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  const { code, msg, data } = fields
  const failed = status >= 400 || fields.status === false || (typeof code === 'number' && code !== 0)
  if (failed) {
    const message = typeof msg === 'string' && msg !== '' ? msg : `${where}: answered ${status}`
    const options = { data, ...(status >= 400 && { status }) }
    throw new GomsError(typeof code === 'string' ? code : codeOf(status), message, options)
  }
  if (body === undefined && text !== '') {
    throw new GomsError('DATA_LOSS', `${where}: the answer is no JSON (${text.length} characters)`)
  }
  return 'data' in fields && ('code' in fields || 'status' in fields) ? data : body
}

/** The code that comes nearest to a status without one. */
function codeOf(status: number): string {
  switch (status) {
    case 400:
      return 'INVALID_ARGUMENT'
    case 401:
      return 'UNAUTHENTICATED'
    case 403:
      return 'PERMISSION_DENIED'
    case 404:
      return 'NOT_FOUND'
    case 409:
      return 'ALREADY_EXISTS'
    case 429:
      return 'RESOURCE_EXHAUSTED'
    case 503:
      return 'UNAVAILABLE'
    case 504:
      return 'DEADLINE_EXCEEDED'
    default:
      return 'UNKNOWN'
  }
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function toQuery(input: unknown): Record<string, string | number | boolean> {
  const query: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(input ?? {})) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') query[name] = value
  }
  return query
}
