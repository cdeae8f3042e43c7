/**
 * The envelope: `"status":true` is put into JSON answers right after their first `{`, as the original did, without parsing
 * and printing them again. What is no JSON object, or has a `status` of its own, passes as it is.
 */
import { FIELD } from '../http/field-kinds.ts'
import { Fields } from '../http/fields.ts'
import { hasOwnStatus } from './own-status.ts'

/** A body at hand up to this size is searched for a `status` of its own. */
export const SCANNED_BYTES = 65_536
/** White space before the first two characters that is waited for. */
const MAX_SPACE_BYTES = 4096

const INSERT = '"status":true'
const INSERT_COMMA = '"status":true,'

/** Whether an answer is one for the envelope, by its status and fields. */
export function isEnveloped(status: number, fields: Fields): boolean {
  if (status < 200 || status > 299 || status === 204 || status === 205 || status === 206) return false
  // By far the most, without a text being made of it.
  if (!fields.isOfKind(FIELD.contentType, 'application/json') && !isJson(fields.ofKind(FIELD.contentType))) return false
  const encoding = fields.ofKind(FIELD.contentEncoding)
  return encoding === undefined || encoding.toLowerCase() === 'identity'
}

function isJson(type: string | undefined): boolean {
  return type !== undefined && /^application\/json[ \t]*(?:;|$)/i.test(type)
}

/**
 * The fields of an answer whose body grew by `addedBytes`. `undefined`: it may have grown (HEAD): no length is told.
 * Digests are dropped, a strong ETag is weakened: both speak of the bytes as they were (RFC 9110 §8.8.1, RFC 9530).
 */
export function envelopedFields(fields: Fields, addedBytes: number | undefined): Fields {
  // The length is told apart from the fields.
  if (addedBytes !== undefined && !fields.has(FIELD.digest)) return fields
  const out: string[] = []
  for (let i = 0; i < fields.count; i++) {
    const name = fields.name(i)
    let value = fields.value(i)
    const lower = name.toLowerCase()
    if (lower === 'etag') value = value.startsWith('W/') ? value : `W/${value}`
    else if (fields.kind(i) & FIELD.digest) continue
    else if (lower === 'content-length') {
      if (addedBytes === undefined) continue
      value = String(Number(value) + addedBytes)
    }
    out.push(name, value)
  }
  return Fields.of(out)
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

  /**
   * Takes a chunk that is valid during the call only. Returns what can be sent now, as short-lived as the chunk, or
   * undefined while everything is held.
   */
  push(chunk: Buffer): Buffer[] | undefined {
    if (this.addedBytes !== undefined) return [chunk]
    const plausible = this.#look(chunk)
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (!plausible) return this.#release(0)
    if (this.#heldBytes > SCANNED_BYTES) this.#patient = false
    if (this.#next !== 0 && !this.#whole && !this.#patient) return this.#release(insertFor(this.#next).length)
    this.#held[this.#held.length - 1] = Buffer.from(chunk)
    return undefined
  }

  /** Nothing more came with what is held: it is not waited for any longer. */
  atHand(): Buffer[] | undefined {
    this.#patient = false
    if (this.addedBytes !== undefined || this.#whole || this.#next === 0) return undefined
    return this.#release(insertFor(this.#next).length)
  }

  /** The body is complete: what is still held. */
  end(): Buffer[] {
    if (this.addedBytes !== undefined) return []
    const changes = this.#next !== 0 && !hasOwnStatus(Buffer.concat(this.#held, this.#heldBytes), this.#open)
    return this.#release(changes ? insertFor(this.#next).length : 0)
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

  #release(addedBytes: number): Buffer[] {
    this.addedBytes = addedBytes
    const held = this.#held.splice(0)
    if (addedBytes === 0) return held
    const out: Buffer[] = []
    let at = 0
    for (const chunk of held) {
      const cut = this.#open - at
      if (cut > 0 && cut <= chunk.length) {
        out.push(chunk.subarray(0, cut), Buffer.from(insertFor(this.#next)))
        if (cut < chunk.length) out.push(chunk.subarray(cut))
      } else out.push(chunk)
      at += chunk.length
    }
    return out
  }
}

/** With a comma unless the object is empty. */
function insertFor(next: number): string {
  return next === 0x7d ? INSERT : INSERT_COMMA
}

/**
 * Offset behind the `{` of a body that is here whole, where something is to be put in; −1 for nowhere.
 * @param text the body as Latin-1, where that is at hand
 */
export function insertionIn(body: Buffer, text?: string): number {
  const brace = endOfSpace(body, 0)
  if (body[brace] !== 0x7b) return -1
  const next = endOfSpace(body, brace + 1)
  return next < 0 || next >= body.length || hasOwnStatus(body, brace + 1, text) ? -1 : brace + 1
}

/** What is put in at the offset that {@link insertionIn} gave. */
export function insertAt(body: Buffer, at: number): string {
  return insertFor(body[endOfSpace(body, at)] as number)
}

/** Offset of the first byte from there on that is no white space; −1 where none is within reach. */
function endOfSpace(body: Buffer, from: number): number {
  let i = from
  while (i < body.length && isSpace(body[i] as number)) if (++i - (from === 0 ? 0 : 1) > MAX_SPACE_BYTES) return -1
  return i
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}
