/**
 * The envelope: `"status":true` is put into JSON answers right after their first `{`, as the original did, without parsing
 * and printing them again. What is no JSON object, or has a `status` of its own, passes as it is.
 */
import { fieldOf } from '../http/header-rules.ts'

/** A body at hand up to this size is searched for a `status` of its own. */
export const SCANNED_BYTES = 65_536
/** White space before the first two characters that is waited for. */
const MAX_SPACE_BYTES = 4096

const INSERT = Buffer.from('"status":true')
const INSERT_COMMA = Buffer.from('"status":true,')
const DIGESTS = new Set(['digest', 'content-digest', 'repr-digest', 'content-md5'])

/** Whether an answer is one for the envelope, by its status and fields. */
export function isEnveloped(status: number, headers: readonly string[]): boolean {
  if (status < 200 || status > 299 || status === 204 || status === 205 || status === 206) return false
  const type = fieldOf(headers, 'content-type')
  if (type === undefined || !/^application\/json[ \t]*(?:;|$)/i.test(type)) return false
  const encoding = fieldOf(headers, 'content-encoding')
  return encoding === undefined || encoding.toLowerCase() === 'identity'
}

/**
 * The fields of an answer whose body grew by `addedBytes`. `undefined`: it may have grown (HEAD): no length is told.
 * Digests are dropped, a strong ETag is weakened: both speak of the bytes as they were (RFC 9110 §8.8.1, RFC 9530).
 */
export function envelopedHeaders(headers: readonly string[], addedBytes: number | undefined): string[] {
  const out: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    let value = headers[i + 1] as string
    const lower = name.toLowerCase()
    if (DIGESTS.has(lower)) continue
    if (lower === 'content-length') {
      if (addedBytes === undefined) continue
      value = String(Number(value) + addedBytes)
    } else if (lower === 'etag' && !value.startsWith('W/')) value = `W/${value}`
    out.push(name, value)
  }
  return out
}

/** The body of one answer on its way through. */
export class Envelope {
  /** Bytes that were put in; undefined while that is not known. */
  addedBytes: number | undefined
  /** Waits for the end, which is near: only a whole body can be searched. */
  readonly #whole: boolean
  /** Without a length, what arrived in one go is at hand; `atHand` says that this is over. */
  #patient: boolean
  readonly #held: Buffer[] = []
  #heldBytes = 0
  /** Offset behind the `{`; -1 before it. */
  #open = -1
  /** The first character behind the `{` that is no white space; 0 before it. */
  #next = 0

  constructor(contentLength: number | undefined) {
    this.#whole = contentLength !== undefined && contentLength <= SCANNED_BYTES
    this.#patient = contentLength === undefined
  }

  /** Takes a chunk. Returns what can be sent now, or undefined while everything is held. */
  push(chunk: Buffer): Buffer[] | undefined {
    if (this.addedBytes !== undefined) return [chunk]
    const plausible = this.#look(chunk)
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (!plausible) return this.#release(0)
    if (this.#heldBytes > SCANNED_BYTES) this.#patient = false
    return this.#next !== 0 && !this.#whole && !this.#patient ? this.#release(this.#insert().length) : undefined
  }

  /** Nothing more came with what is held: it is not waited for any longer. */
  atHand(): Buffer[] | undefined {
    this.#patient = false
    if (this.addedBytes !== undefined || this.#whole || this.#next === 0) return undefined
    return this.#release(this.#insert().length)
  }

  /** The body is complete: what is still held. */
  end(): Buffer[] {
    if (this.addedBytes !== undefined) return []
    const changes = this.#next !== 0 && !hasOwnStatus(Buffer.concat(this.#held, this.#heldBytes), this.#open)
    return this.#release(changes ? this.#insert().length : 0)
  }

  /** Reads on to the `{` and the character behind it. False when there is no object, or none within reach. */
  #look(chunk: Buffer): boolean {
    if (this.#next !== 0) return true
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number
      const at = this.#heldBytes + i
      if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) {
        if (at - (this.#open < 0 ? 0 : 1) >= MAX_SPACE_BYTES) return false
      } else if (this.#open >= 0) {
        this.#next = byte
        return true
      } else if (byte === 0x7b) this.#open = at + 1
      else return false
    }
    return true
  }

  #insert(): Buffer {
    return this.#next === 0x7d ? INSERT : INSERT_COMMA
  }

  #release(addedBytes: number): Buffer[] {
    this.addedBytes = addedBytes
    const held = this.#held.splice(0)
    if (addedBytes === 0) return held
    const out: Buffer[] = []
    let at = 0
    for (const chunk of held) {
      const cut = this.#open - at
      if (cut > 0 && cut <= chunk.length) {
        out.push(chunk.subarray(0, cut), this.#insert())
        if (cut < chunk.length) out.push(chunk.subarray(cut))
      } else out.push(chunk)
      at += chunk.length
    }
    return out
  }
}

/** Whether the object that opens before `from` has a key `status` of its own. One pass; strings are skipped, not decoded. */
export function hasOwnStatus(json: Buffer, from: number): boolean {
  let depth = 1
  let keyNext = true
  for (let i = from; i < json.length && depth > 0; i++) {
    switch (json[i]) {
      case 0x7b: // {
      case 0x5b: // [
        depth++
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        break
      case 0x2c: // ,
        keyNext = depth === 1
        break
      case 0x3a: // :
        keyNext = false
        break
      case 0x22: {
        const end = endOfString(json, i + 1)
        if (keyNext && depth === 1 && isStatus(json, i, end)) return true
        i = end
        break
      }
    }
  }
  return false
}

/** Offset of the quote that closes a string. */
function endOfString(json: Buffer, from: number): number {
  let i = from
  while (i < json.length && json[i] !== 0x22) i += json[i] === 0x5c ? 2 : 1
  return i
}

/** A key may be written with escapes, `"st\u0061tus"`. */
function isStatus(json: Buffer, from: number, end: number): boolean {
  const text = json.toString('latin1', from, end + 1)
  if (text === '"status"') return true
  if (!text.includes('\\')) return false
  try {
    return JSON.parse(text) === 'status'
  } catch {
    return false
  }
}
