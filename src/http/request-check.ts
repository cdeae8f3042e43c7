/**
 * What two parsers could read differently is refused at the door, beyond what node:http's strict parser refuses.
 * Sources: RFC 9112 §3.2 (one Host), §6.1 (Transfer-Encoding), §6.3 (message body length).
 */

export interface DoorCheck {
  readonly status: 400 | 501
  /** What is wrong, for the answer. */
  readonly reason: string
}

/** Undefined for an unambiguous request. */
export function checkRequest(raw: readonly string[], httpVersion: string): DoorCheck | undefined {
  let hosts = 0
  let lengths = 0
  let encodings = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    // Only names of these lengths are looked at: host, expect…, content-length, transfer-encoding.
    if (name.length === 4 && name.toLowerCase() === 'host') {
      hosts++
      if (!isHost(raw[i + 1] as string)) return { status: 400, reason: 'malformed Host' }
    } else if (name.length === 14 && name.toLowerCase() === 'content-length') {
      lengths++
      if (!/^\d{1,15}$/.test(raw[i + 1] as string)) return { status: 400, reason: 'malformed Content-Length' }
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      encodings++
      if ((raw[i + 1] as string).toLowerCase() !== 'chunked') {
        return { status: 501, reason: 'a Transfer-Encoding other than chunked' }
      }
    }
  }
  if (hosts > 1 || (hosts === 0 && httpVersion !== '1.0')) return { status: 400, reason: `${hosts} Host fields` }
  if (lengths > 1) return { status: 400, reason: `${lengths} Content-Length fields` }
  if (encodings > 1) return { status: 400, reason: `${encodings} Transfer-Encoding fields` }
  if (encodings > 0 && lengths > 0) return { status: 400, reason: 'Content-Length beside Transfer-Encoding' }
  if (encodings > 0 && httpVersion === '1.0') return { status: 400, reason: 'Transfer-Encoding in HTTP/1.0' }
  return undefined
}

/** `host`, `host:port`, `[v6]:port`, or nothing at all (RFC 9110 §7.2); no user, path or list. */
function isHost(value: string): boolean {
  return /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+;=%]*)(?::\d{0,5})?$/.test(value)
}
