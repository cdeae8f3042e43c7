/** What may stand as the host of a request, in `Host` or in a target. Source: RFC 9110 §7.2, RFC 3986 §3.2.2. */

/** Characters of a name or an IPv4 address. No comma: a list of hosts is none. */
const NAME = new Uint8Array(128)
for (const char of "-._~!$&'()*+;=%0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  NAME[char.charCodeAt(0)] = 1
}

/** `host`, `host:port`, `[v6]:port`, or nothing at all (RFC 9110 §7.2); no user, path or list. */
export function isHost(value: string): boolean {
  const { length } = value
  if (value.charCodeAt(0) === 0x5b) return ADDRESS.test(value)
  let i = 0
  while (i < length && NAME[value.charCodeAt(i)] === 1) i++
  if (i === length) return true
  if (value.charCodeAt(i) !== 0x3a || length - i > MAX_PORT_DIGITS + 1) return false
  while (++i < length) {
    const code = value.charCodeAt(i)
    if (code < 0x30 || code > 0x39) return false
  }
  return true
}

const MAX_PORT_DIGITS = 5
/** An IPv6 address, perhaps with a port. */
const ADDRESS = /^\[[0-9A-Fa-f:.]+\](?::\d{0,5})?$/
