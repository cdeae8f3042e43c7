/** Names that every handler's context has already. */
import type { ReservedName } from '../contract/handler.ts'

const names: Readonly<Record<ReservedName, true>> = {
  traceId: true,
  trace: true,
  requestId: true,
  caller: true,
  identity: true,
  attempt: true,
  leftMs: true,
  signal: true,
  log: true,
  emit: true,
  event: true,
}

export const RESERVED: ReadonlySet<string> = new Set(Object.keys(names))
