/** Values of the shared routes: one JSON document a number. Who wrote it is believed no further than its frame can be checked. */
import { randomBytes } from 'node:crypto'
import { GomsError } from '../core/errors.ts'
import type { RoutesDocument, RoutesShelf } from './registry.ts'

/** What this version writes, and the last one whose sets it reads. */
export const ROUTES_FORMAT = 1
/** etcd takes 1.5 MiB in one transaction, and a document is written twice: as the current one, and into the history. */
export const MAX_ROUTES_BYTES: number = 512 * 1024
/** Numbers that can be gone back to. */
export const MAX_HISTORY = 10

const LINE = /^[\w-]{1,64}$/
const AT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/
/** Goes into log lines and onto terminals. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu
const MAX_BY = 200
const MAX_MESSAGE = 500

/** The document of a value, or undefined for what is none. Its set may be anything: whoever applies it checks it. */
export function parseRoutes(text: string): RoutesDocument | undefined {
  if (text.length > MAX_ROUTES_BYTES || !text.startsWith('{')) return undefined
  let held: Readonly<Record<string, unknown>>
  try {
    held = JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
  const { format, number, line, at, by, message, set } = held
  if (!isCount(format) || !isCount(number)) return undefined
  if (typeof line !== 'string' || !LINE.test(line) || typeof at !== 'string' || !AT.test(at)) return undefined
  if (!isPlain(by, MAX_BY) || !(message === undefined || isPlain(message, MAX_MESSAGE))) return undefined
  if (!(set === undefined || isBlock(set))) return undefined
  return { format, number, line, at, by, message, set }
}

/** @throws GomsError GOMS_CONFIG_INVALID for one that is too large */
export function toRoutesText(document: RoutesDocument): string {
  const text = JSON.stringify(document)
  const bytes = Buffer.byteLength(text)
  if (bytes <= MAX_ROUTES_BYTES) return text
  throw new GomsError('GOMS_CONFIG_INVALID', `routes: the set is too large to be shared (${bytes} bytes)`, {
    detail: { found: `${bytes} bytes as JSON`, expected: `at most ${MAX_ROUTES_BYTES} bytes` },
  })
}

/** The document that follows what was read. */
export function nextRoutes(
  { current, history }: Pick<RoutesShelf, 'current' | 'history'>,
  { by, message, set }: Pick<RoutesDocument, 'by' | 'message' | 'set'>,
  wallMs: number,
): RoutesDocument {
  const last = [...(current ? [current] : []), ...history].sort((a, b) => b.number - a.number)[0]
  return {
    format: ROUTES_FORMAT,
    number: (last?.number ?? 0) + 1,
    line: last?.line ?? randomBytes(12).toString('base64url'),
    at: new Date(wallMs).toISOString(),
    by: plain(by, MAX_BY) || 'unknown',
    message: (message && plain(message, MAX_MESSAGE)) || undefined,
    set,
  }
}

/** Whether `one` was written after `other`, for all that their numbers can say. */
export function isLater(one: RoutesDocument, other: RoutesDocument): boolean {
  return one.line === other.line && one.number > other.number
}

/** For those who would have to understand a set of a format that they do not know. */
export function tooNew({ number, format }: RoutesDocument): GomsError {
  return new GomsError('GOMS_ROUTES_UNREADABLE', `routes number ${number} are in format ${format}`, {
    detail: { found: `format ${format}`, expected: `format ${ROUTES_FORMAT}`, fix: 'update goms where this is said' },
  })
}

function plain(text: string, length: number): string {
  return text.replace(UNPRINTABLE, ' ').trim().slice(0, length)
}

function isPlain(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length > 0 && plain(value, length) === value
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
