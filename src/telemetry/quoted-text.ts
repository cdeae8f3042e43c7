/**
 * Texts as strings of JSON. Most that spans tell of are the same again and again, names of routes, nodes, methods: those are
 * quoted once. Bounded in number and length; what is over is quoted each time.
 */
const MAX_TEXTS = 1000
const MAX_CHARS = 128

const known = new Map<string, string>()

/** With its quotes. */
export function quoted(text: string): string {
  const found = known.get(text)
  if (found !== undefined) return found
  const made = JSON.stringify(text)
  if (text.length > MAX_CHARS) return made
  // All at once: which of them are old is not worth knowing.
  if (known.size >= MAX_TEXTS) known.clear()
  known.set(text, made)
  return made
}
