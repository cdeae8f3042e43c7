/** What the `Connection` fields of a message list. Source: RFC 9110 §7.6.1. */
import { FIELD } from './field-kinds.ts'
import type { Fields } from './fields.ts'

/** What `Connection` may list in vain, `X-Forwarded-…` too: without these the message would mean something else. */
const UNLISTABLE = new Set([
  ...['host', 'content-length', 'content-type', 'content-encoding', 'cookie', 'authorization'],
  'forwarded',
])

export interface ConnectionOptions {
  readonly close: boolean
  readonly keepAlive: boolean
  readonly upgrade: boolean
  /** Names of fields that end here, in lower case; undefined without any. */
  readonly listed: ReadonlySet<string> | undefined
}

const NONE: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, listed: undefined }
const CLOSE: ConnectionOptions = { ...NONE, close: true }
const KEEP_ALIVE: ConnectionOptions = { ...NONE, keepAlive: true }
const UPGRADE: ConnectionOptions = { ...NONE, upgrade: true }

export function connectionOptions(fields: Fields): ConnectionOptions {
  const value = fields.ofKind(FIELD.connection)
  if (value === undefined) return NONE
  // By far the most, without being taken apart.
  if (value === 'keep-alive' || value === 'Keep-Alive') return KEEP_ALIVE
  if (value === 'close') return CLOSE
  return value === 'Upgrade' ? UPGRADE : take(value.toLowerCase())
}

function take(value: string): ConnectionOptions {
  let close = false
  let keepAlive = false
  let upgrade = false
  let listed: Set<string> | undefined
  for (const token of value.split(',')) {
    const option = token.trim()
    if (option === 'close') close = true
    else if (option === 'keep-alive') keepAlive = true
    else if (option === 'upgrade') upgrade = true
    else if (option !== '' && !UNLISTABLE.has(option) && !option.startsWith('x-forwarded-')) {
      listed ??= new Set()
      listed.add(option)
    }
  }
  return { close, keepAlive, upgrade, listed }
}
