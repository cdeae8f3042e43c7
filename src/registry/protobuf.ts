/**
 * The part of Protocol Buffers that etcd's API needs: messages as tables of fields, read and written both ways.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import { GomsError } from '../core/errors.ts'

/** `text` is proto `bytes` or `string` taken as UTF-8; 64-bit numbers are bigint, 32-bit ones and enums number. */
export type Scalar = 'text' | 'int64' | 'uint64' | 'int32' | 'bool'

export interface Field {
  readonly number: number
  readonly kind: Scalar | Message<object>
  /** How often: `optional` keeps apart "absent" and "zero" (members of a oneof). @default 'single' */
  readonly many?: 'single' | 'optional' | 'repeated'
}

/** One message type: bytes to object and back. Decoded scalars are never absent, decoded messages may be. */
export interface Message<T extends object> {
  /** Fields that are left out, or hold their default, take no bytes. */
  encode(value: Partial<T>): Buffer
  /** Skips fields it does not know. @throws GomsError DATA_LOSS for bytes that are no message */
  decode(bytes: Buffer): T
}

type Fields<T> = { readonly [K in keyof T]-?: Field }

const DEFAULTS: Readonly<Record<Scalar, unknown>> = { text: '', int64: 0n, uint64: 0n, int32: 0, bool: false }

/** Makes a message type of its table. */
export function message<T extends object>(fields: Fields<T>): Message<T> {
  const entries = Object.entries<Field>(fields)
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]))
  return {
    encode(value) {
      const chunks: Buffer[] = []
      for (const [name, field] of entries) {
        const held = (value as Record<string, unknown>)[name]
        if (held === undefined) continue
        if (field.many === 'repeated') for (const item of held as unknown[]) write(chunks, field, item)
        else if (field.many === 'optional' || typeof field.kind === 'object' || held !== DEFAULTS[field.kind])
          write(chunks, field, held)
      }
      return Buffer.concat(chunks)
    },
    decode(bytes) {
      const value: Record<string, unknown> = {}
      for (const [name, field] of entries) {
        if (field.many === 'repeated') value[name] = []
        else if (field.many !== 'optional' && typeof field.kind === 'string') value[name] = DEFAULTS[field.kind]
      }
      const reader = new Reader(bytes)
      while (!reader.done) {
        const tag = Number(reader.varint())
        const known = byNumber.get(tag >>> 3)
        if (known && (tag & 7) === 2 && known.field.many === 'repeated' && wireType(known.field) === 0) {
          // Repeated numbers travel packed.
          const packed = new Reader(reader.bytes())
          while (!packed.done) (value[known.name] as unknown[]).push(read(packed, known.field))
          continue
        }
        if (!known || (tag & 7) !== wireType(known.field)) {
          reader.skip(tag & 7)
          continue
        }
        const item = read(reader, known.field)
        if (known.field.many === 'repeated') (value[known.name] as unknown[]).push(item)
        else value[known.name] = item
      }
      return value as T
    },
  }
}

function wireType(field: Field): number {
  return typeof field.kind === 'object' || field.kind === 'text' ? 2 : 0
}

function write(chunks: Buffer[], field: Field, value: unknown): void {
  chunks.push(varint(BigInt((field.number << 3) | wireType(field))))
  const kind = field.kind
  if (typeof kind === 'object' || kind === 'text') {
    const bytes = typeof kind === 'object' ? kind.encode(value as object) : Buffer.from(value as string)
    chunks.push(varint(BigInt(bytes.length)), bytes)
  } else chunks.push(varint(BigInt.asUintN(64, BigInt(value as bigint | number | boolean))))
}

function read(reader: Reader, field: Field): unknown {
  const kind = field.kind
  if (typeof kind === 'object') return kind.decode(reader.bytes())
  if (kind === 'text') return reader.bytes().toString()
  const raw = reader.varint()
  if (kind === 'int64') return BigInt.asIntN(64, raw)
  if (kind === 'uint64') return raw
  return kind === 'bool' ? raw !== 0n : Number(BigInt.asIntN(32, raw))
}

function varint(value: bigint): Buffer {
  if (value < 128n) return Buffer.from([Number(value)])
  const bytes: number[] = []
  let left = value
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128)
  bytes.push(Number(left))
  return Buffer.from(bytes)
}

class Reader {
  #at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  varint(): bigint {
    // Small numbers are the rule: BigInt only where 32 bits do not do.
    let small = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte()
      small |= (byte & 127) << shift
      if (byte < 128) return BigInt(small)
    }
    let value = BigInt(small)
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    throw damaged('a number of more than 10 bytes')
  }

  bytes(): Buffer {
    const length = Number(this.varint())
    const end = this.#at + length
    if (end > this.#bytes.length)
      throw damaged(`a field of ${length} bytes where ${this.#bytes.length - this.#at} are left`)
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }

  skip(type: number): void {
    if (type === 0) this.varint()
    else if (type === 2) this.bytes()
    else if (type === 1 || type === 5) {
      this.#at += type === 1 ? 8 : 4
      if (this.#at > this.#bytes.length) throw damaged('a field that is cut short')
    } else throw damaged(`wire type ${type}`)
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw damaged('a number that is cut short')
    return byte
  }
}

function damaged(what: string): GomsError {
  return new GomsError('DATA_LOSS', `protobuf: ${what}`)
}
