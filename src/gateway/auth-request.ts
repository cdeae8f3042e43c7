/** The read-only view of a request that the auth hook gets. */
import { FIELD } from '../http/field-kinds.ts'
import type { Fields } from '../http/fields.ts'
import type { AuthRequest } from './auth.ts'
import type { InboundRequest } from './inbound-request.ts'

export function toAuthRequest(request: InboundRequest): AuthRequest {
  const { exchange, target } = request
  return Object.freeze({
    method: exchange.method,
    path: target.path,
    query: target.query,
    headers: Object.freeze(recordOf(exchange.fields, request.trusted ? NOT_BELIEVED : NOT_BELIEVED | FIELD.forwarded)),
    remoteAddress: request.address,
  })
}

/** What is not believed from outside, and of strangers not where they come from either. */
const NOT_BELIEVED = FIELD.internal | FIELD.underscore

function recordOf(fields: Fields, drops: number): Record<string, string | undefined> {
  const record: Record<string, string | undefined> = Object.create(null)
  for (let i = 0; i < fields.count; i++) {
    const kind = fields.kind(i)
    if (kind & drops) continue
    const name = fields.name(i).toLowerCase()
    const before = record[name]
    const value = fields.value(i)
    // Several cookies are one list (RFC 6265 §5.4), others are joined as RFC 9110 §5.3 has it.
    record[name] = before === undefined ? value : `${before}${kind & FIELD.cookie ? '; ' : ', '}${value}`
  }
  return record
}
