/** The protocols that `Upgrade` lists. Source: RFC 9110 §7.8. */

/** Whether an answer switches to nothing but what the request asked for. Both are values of the field.  */
export function wereAskedFor(asked: string, given: string): boolean {
  const all = new Set(protocolsOf(asked))
  const switched = protocolsOf(given)
  return switched.length > 0 && switched.every((protocol) => all.has(protocol))
}

function protocolsOf(value: string): string[] {
  const list = value.toLowerCase().split(',')
  return list.map((protocol) => protocol.trim()).filter((protocol) => protocol !== '')
}
