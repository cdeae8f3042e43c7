/** The id that a client or a proxy gives a request, `X-Request-Id`: taken as it is where it is harmless, and no more than a name. */

export const REQUEST_ID = 'x-request-id'

const MAX_CHARS = 128

/** 1 to 128 visible characters of ASCII: what can stand in a header, a line of a log and a search without being quoted. */
export function isRequestId(text: string): boolean {
  if (text.length === 0 || text.length > MAX_CHARS) return false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x21 || unit > 0x7e) return false
  }
  return true
}
