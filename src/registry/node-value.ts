/** Values of node keys and of `state/`: written as JSON, and believed only field by field. */
import { type NodeInfo, type Transport, toHostPort } from '../core/node.ts'
import type { AddressRule } from './address-range.ts'
import type { KeyValue } from './kv.ts'
import { parseHostPort, parseNodeKey } from './node-key.ts'
import type { NodeState, NodeValue } from './registry.ts'

/** A node value or state; anything larger is no value of ours. */
export const MAX_VALUE_BYTES = 4096
/** A contract document. */
export const MAX_CONTRACT_BYTES = 262_144

/** What ids, versions, zones and hashes may look like: they go into headers and log lines. */
const WORD = /^[\x21-\x7e]{1,128}$/

/** The value of a node key. */
export function toNodeText(value: NodeValue): string {
  return JSON.stringify(value)
}

/** The value of a `state/` key: with the id, so that a successor at the same address does not inherit it. */
export function toStateText(id: string, state: NodeState): string {
  return JSON.stringify({ id, ...state })
}

/** The node of a key and its value, or undefined where either is damaged, foreign or not allowed. */
export function toNode(project: string, kv: KeyValue, allowed: AddressRule): NodeInfo | undefined {
  const key = parseNodeKey(project, kv.key)
  if (!key || !allowed(key.rpc.host) || !allowed(key.http.host)) return undefined
  const name = `${toHostPort(key.rpc)}_${toHostPort(key.http)}`
  const value = parseNodeValue(kv.value)
  if (!value) return undefined
  return {
    key: kv.key,
    service: key.service,
    name,
    id: value.id || `${name}@${kv.createRevision}`,
    rpc: key.rpc,
    http: key.http,
    dialect: key.dialect,
    protocols: value.protocols ?? (key.dialect === 'goms' ? ['http'] : ['http', 'rpc']),
    version: value.version,
    zone: value.zone,
    startedAtMs: value.startedAtMs,
    contract: value.contract,
    weight: 1,
    draining: false,
    admin: undefined,
  }
}

/** A node value; `0` gives an empty id: nothing is known. Undefined for anything that is not exactly one. */
export function parseNodeValue(text: string): NodeValue | undefined {
  if (text === '0') return { id: '' }
  const held = parseObject(text)
  if (!held || !isWord(held.id)) return undefined
  const { version, zone, startedAtMs, contract, protocols } = held
  if (!isWordOrNone(version) || !isWordOrNone(zone) || !isWordOrNone(contract)) return undefined
  if (startedAtMs !== undefined && !(typeof startedAtMs === 'number' && startedAtMs >= 0)) return undefined
  if (protocols !== undefined && !isProtocols(protocols)) return undefined
  return { id: held.id, version, zone, startedAtMs, contract, protocols }
}

/** What a `state/` value says and about which start of the node. */
export function parseState(text: string, allowed: AddressRule): (NodeState & { readonly id: string }) | undefined {
  const held = parseObject(text)
  if (!held || !isWord(held.id)) return undefined
  const { draining, weight, admin } = held
  if (draining !== undefined && typeof draining !== 'boolean') return undefined
  if (weight !== undefined && !(typeof weight === 'number' && weight >= 0 && weight <= 1000)) return undefined
  if (admin !== undefined) {
    const address = typeof admin === 'string' ? parseHostPort(admin) : undefined
    if (!address || !allowed(address.host)) return undefined
    return { id: held.id, draining, weight, admin: admin as string }
  }
  return { id: held.id, draining, weight }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.length > MAX_VALUE_BYTES || !text.startsWith('{')) return undefined
  try {
    const parsed = JSON.parse(text) as Record<string, unknown>
    // A bare copy: what is read is the value's own, never something inherited.
    return Object.assign(Object.create(null), parsed) as Record<string, unknown>
  } catch {
    return undefined
  }
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && WORD.test(value)
}

function isWordOrNone(value: unknown): value is string | undefined {
  return value === undefined || isWord(value)
}

function isProtocols(value: unknown): value is Transport[] {
  return (
    Array.isArray(value) && value.length > 0 && value.length <= 2 && value.every((p) => p === 'http' || p === 'rpc')
  )
}
