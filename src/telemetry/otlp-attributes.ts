/**
 * Tags of our spans as attributes of OpenTelemetry: under the names that its conventions have for them, numbers as numbers.
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 */

/** Name of a tag, as Zipkin's users know it → name in the conventions. All others keep theirs. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['http.method', 'http.request.method'],
  ['http.status_code', 'http.response.status_code'],
  ['http.path', 'url.path'],
  ['http.query', 'url.query'],
  ['http.host', 'server.address'],
  ['http.body.size', 'http.request.body.size'],
])
/** Headers are lists of values there: `http.request.header.accept: ["…"]`. */
const HEADER = 'http.header.'

const INTEGERS: ReadonlySet<string> = new Set([
  'http.response.status_code',
  'http.request.body.size',
  'http.request.resend_count',
  'goms.attempt',
])

/** The JSON of a message `KeyValue` with a text. */
export function attribute(key: string, value: string): string {
  return `{"key":${JSON.stringify(key)},"value":{"stringValue":${JSON.stringify(value)}}}`
}

/** The JSON of a message `KeyValue` for a tag. */
export function toOtlpAttribute(tag: string, value: string): string {
  if (tag.startsWith(HEADER)) {
    const key = JSON.stringify(`http.request.header.${tag.slice(HEADER.length)}`)
    return `{"key":${key},"value":{"arrayValue":{"values":[{"stringValue":${JSON.stringify(value)}}]}}}`
  }
  const key = NAMES.get(tag) ?? tag
  if (INTEGERS.has(key) && /^\d{1,15}$/.test(value))
    return `{"key":${JSON.stringify(key)},"value":{"intValue":"${value}"}}`
  return attribute(key, value)
}
