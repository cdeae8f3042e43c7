/**
 * What a recorded call keeps of its request, as tags of its span, secrets taken out: method, path, query, headers, and the
 * beginning of the body. Whatever cannot be read as what it claims to be is not kept, for nobody knows what is in it.
 */
import { percentDecoded, REDACTED, redactJson, redactPairs, redactText } from './redacted-text.ts'
import { createSecretNames, type IsSecret } from './secret-names.ts'

/** Of a body, as much as whoever captures needs to keep. */
export const MAX_CAPTURED_BODY_BYTES = 4096

export interface RequestParts {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** Without the `?`; empty: none. */
  readonly query: string
  /** Names in any case. */
  readonly headers: Iterable<readonly [name: string, value: string]>
  readonly body?:
    | {
        /** Its beginning; what is beyond {@link MAX_CAPTURED_BODY_BYTES} is not looked at. */
        readonly bytes: Uint8Array
        /** Of the whole body, undefined where that is not known. */
        readonly size: number | undefined
        readonly contentType: string | undefined
      }
    | undefined
}

export interface RedactorOptions {
  /** Names of further fields, parameters and headers that are secrets, in any case and with any separators. */
  readonly redact: readonly string[]
  /** Secrets by their value, wherever they stand: the call key. */
  readonly secrets: readonly string[]
}

export interface Redactor {
  /**
   * `http.method`, `http.path`, `http.query`, `http.header.<name>`, `http.body` (JSON and forms), `http.body.size`,
   * `http.body.type`. At most about 24 KiB in all.
   */
  tagsOf(parts: RequestParts): Record<string, string>
  /** A text without secrets, as far as they can be told by a name before them or by their look: messages of errors. */
  text(text: string): string
}

const MAX_HEADERS = 64
const MAX_VALUE_CHARS = 512
const MAX_HEADERS_CHARS = 12 * 1024
const MAX_PATH_CHARS = 2048
const MAX_QUERY_CHARS = 2048
const MAX_TEXT_CHARS = 2048
/** Beyond, nothing is looked at and nothing kept. */
const MAX_LOOK_CHARS = 16 * 1024
/** Our own headers, whatever follows: identity and caller are nobody's business outside. */
const INTERNAL = /^goms-|^call-(?:service-)?key$/
const JSON_TYPE = /^application\/(?:[\w.!#$&^-]+\+)?json$/
const FORM_TYPE = 'application/x-www-form-urlencoded'

export function createRedactor(options: RedactorOptions): Redactor {
  const isSecret = createSecretNames(options.redact)
  const secrets = options.secrets.filter((secret) => secret !== '')

  /** The last look at all that goes out. */
  function safe(text: string): string {
    let clean = text
    for (const secret of secrets) {
      if (clean.includes(secret)) clean = clean.replaceAll(secret, REDACTED)
      if (percentDecoded(clean).includes(percentDecoded(secret))) return REDACTED
      if (clean.includes(JSON.stringify(secret).slice(1, -1))) return REDACTED
    }
    return clean
  }

  /** Redacted as a whole and cut then: what makes a secret of a value may stand behind it. */
  function shown(text: string, maxChars: number, redact = redactText): string {
    return cut(safe(redact(cut(text, MAX_LOOK_CHARS), isSecret)), maxChars)
  }

  return {
    tagsOf(parts) {
      const tags: Record<string, string> = { 'http.method': safe(cut(parts.method, 32)) }
      tags['http.path'] = shown(parts.path, MAX_PATH_CHARS)
      if (parts.query !== '') tags['http.query'] = shown(parts.query, MAX_QUERY_CHARS, redactPairs)
      addHeaders(tags, parts.headers, isSecret, shown)
      const { body } = parts
      if (body === undefined || (body.bytes.length === 0 && !body.size)) return tags
      if (body.size !== undefined) tags['http.body.size'] = String(body.size)
      if (body.contentType !== undefined) tags['http.body.type'] = shown(body.contentType, 128)
      const text = bodyText(body, isSecret)
      if (text !== undefined) tags['http.body'] = safe(text)
      return tags
    },
    text: (text) => shown(text, MAX_TEXT_CHARS),
  }
}

function addHeaders(
  tags: Record<string, string>,
  headers: RequestParts['headers'],
  isSecret: IsSecret,
  shown: (text: string, maxChars: number) => string,
): void {
  let kept = 0
  let chars = 0
  let left = 0
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (kept >= MAX_HEADERS || chars >= MAX_HEADERS_CHARS) {
      left++
      continue
    }
    const hides = INTERNAL.test(lower) || isSecret(lower)
    const text = hides ? REDACTED : shown(value, MAX_VALUE_CHARS)
    const key = `http.header.${shown(lower, 64)}`
    tags[key] = Object.hasOwn(tags, key) ? `${tags[key]}, ${text}` : text
    kept++
    chars += key.length + text.length
  }
  if (left > 0) tags['http.headers.left_out'] = String(left)
}

/** Undefined: not kept. */
function bodyText(body: NonNullable<RequestParts['body']>, isSecret: IsSecret): string | undefined {
  const type = body.contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
  const isJson = JSON_TYPE.test(type)
  if (!isJson && type !== FORM_TYPE) return undefined
  const bytes = body.bytes.subarray(0, MAX_CAPTURED_BODY_BYTES)
  const isCut = body.size === undefined || body.size > bytes.length || body.bytes.length > bytes.length
  const text = decode(bytes, isCut)
  if (text === undefined) return undefined
  if (isJson) return redactJson(text, isCut, isSecret)
  // Forms are written in visible ASCII; text of another kind has no pairs that could be told.
  if (!/^[!-~\r\n]*$/.test(text) || !/^[^&=\s]+=/.test(text)) return undefined
  return `${redactPairs(text, isSecret)}${isCut ? '…' : ''}`
}

/** UTF-8 or nothing; a character that was cut at the end is left out. */
function decode(bytes: Uint8Array, isCut: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: isCut })
  } catch {
    return undefined
  }
}

function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`
}
