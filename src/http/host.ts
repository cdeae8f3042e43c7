/** What may stand as the host of a request, in `Host` or in a target. Source: RFC 9110 §7.2, RFC 3986 §3.2.2. */

/** `host`, `host:port`, `[v6]:port`, or nothing at all (RFC 9110 §7.2); no user, path or list. */
export function isHost(value: string): boolean {
  return /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+;=%]*)(?::\d{0,5})?$/.test(value)
}
