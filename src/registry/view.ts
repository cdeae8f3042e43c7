/** The live picture: nodes with their state, and contracts, out of the registry's keys. It forgets nothing by itself. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { NodeInfo } from '../core/node.ts'
import type { AddressRule } from './address-range.ts'
import { createContractShelf } from './contract-shelf.ts'
import type { KeyValue } from './kv.ts'
import { nodePrefix, ownKeys } from './node-key.ts'
import { parseNodeValue, parseState, toNode } from './node-value.ts'
import type { NodeState, View, ViewChange } from './registry.ts'

export interface LiveViewOptions {
  readonly project: string
  readonly allowed: AddressRule
  readonly clock: Clock
  readonly log: Log
  /** How long a node that vanished with the registry's history stays. */
  readonly holdMs: number
}

/** A view and the ways to change it; `watching.ts` is the only one that does. */
export interface LiveView extends View {
  put(kv: KeyValue): void
  delete(key: string): void
  /**
   * Takes over a full listing of revision `revision`. Nodes that are missing leave; with `hold` (the registry started
   * over) they stay, silently, until they are back or `holdMs` is over.
   */
  replace(kvs: readonly KeyValue[], revision: bigint, hold: boolean): void
  /**
   * For so long the registry's word that a node is gone is doubted, because it has just been silent itself: leases end while
   * it sleeps. Who vanishes stays, silently, until then or until it is back; who said that it is draining goes at once.
   */
  doubt(untilMs: number): void
  stop(): void
}

/** Damaged keys that are remembered, so that each is said once. */
const MAX_REMEMBERED = 1000

interface Entry {
  /** Without state. */
  readonly base: NodeInfo
  /** As `nodes()` shows it. */
  node: NodeInfo
  modRevision: bigint
  /** When a held node goes for good. */
  heldUntilMs: number | undefined
}

export function createLiveView(options: LiveViewOptions): LiveView {
  const { project, allowed, clock, log } = options
  const prefix = nodePrefix(project)
  const keys = ownKeys(project)
  const entries = new Map<string, Entry>()
  const states = new Map<string, NodeState & { readonly id: string }>()
  const services = new Map<string, readonly NodeInfo[]>()
  const listeners = new Set<(change: ViewChange) => void>()
  const contracts = createContractShelf(guard)
  const damaged = new Map<string, bigint>()
  let skipped = 0
  let doubtUntilMs = Number.NEGATIVE_INFINITY
  let names: readonly string[] = []
  let timer: { cancel(): void } | undefined

  function skip(kv: KeyValue): void {
    // Counted and said once per write, however often it is listed; JSON, so that a key cannot forge a log line.
    if (damaged.get(kv.key) === kv.modRevision) return
    skipped++
    if (damaged.size >= MAX_REMEMBERED) return
    damaged.set(kv.key, kv.modRevision)
    log.warn(
      `registry: skipped a key that is no node of ours (${JSON.stringify(kv.key.slice(0, 120))}, ${kv.value.length} bytes)`,
    )
  }

  function guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      log.error(`registry: a listener of the view failed: ${String(error)}`)
    }
  }

  function tell(change: ViewChange): void {
    for (const listener of [...listeners]) guard(() => listener(change))
  }

  function setNodes(service: string, nodes: readonly NodeInfo[]): void {
    const fresh = !services.has(service)
    services.set(service, nodes)
    if (fresh) names = [...services.keys()].sort()
  }

  function show(node: NodeInfo): void {
    const others = (services.get(node.service) ?? []).filter((other) => other.key !== node.key)
    const at = others.findIndex((other) => other.key > node.key)
    setNodes(node.service, at < 0 ? [...others, node] : [...others.slice(0, at), node, ...others.slice(at)])
  }

  function hide(node: NodeInfo): void {
    const others = (services.get(node.service) ?? []).filter((other) => other.key !== node.key)
    setNodes(node.service, others)
  }

  function withState(base: NodeInfo): NodeInfo {
    const state = states.get(base.key)
    if (!state || state.id !== base.id) return base
    return { ...base, weight: state.weight ?? 1, draining: state.draining ?? false, admin: state.admin }
  }

  function putNode(kv: KeyValue): void {
    const known = entries.get(kv.key)
    let base = toNode(project, kv, allowed)
    if (!base) {
      skip(kv)
      if (known) drop(known, true)
      return
    }
    // A node that says nothing has no id but its create revision, which a registry that started over gives anew.
    if (known?.heldUntilMs !== undefined && parseNodeValue(kv.value)?.id === '') base = { ...base, id: known.base.id }
    if (known && known.base.id !== base.id) drop(known, true)
    const before = entries.get(kv.key)?.node
    const node = withState(base)
    entries.set(kv.key, { base, node, modRevision: kv.modRevision, heldUntilMs: undefined })
    if (before && isSame(before, node)) return
    show(node)
    tell(before ? { type: 'update', node, before } : { type: 'join', node })
  }

  function drop(entry: Entry, certain: boolean): void {
    entries.delete(entry.base.key)
    hide(entry.node)
    tell({ type: 'leave', node: entry.node, certain })
  }

  /** The key of a node is gone. */
  function miss(entry: Entry): void {
    if (entry.node.draining || clock.now() >= doubtUntilMs) {
      drop(entry, true)
      return
    }
    entry.heldUntilMs ??= doubtUntilMs
    entry.modRevision = 0n
    letGo()
  }

  function refresh(key: string): void {
    const entry = entries.get(key)
    if (!entry) return
    const node = withState(entry.base)
    const before = entry.node
    if (isSame(before, node)) return
    entry.node = node
    show(node)
    tell({ type: 'update', node, before })
    if (entry.heldUntilMs !== undefined && node.draining) drop(entry, true)
  }

  function putOwn(kv: KeyValue): void {
    if (kv.key.startsWith(keys.states)) {
      const node = kv.key.slice(keys.states.length)
      const state = parseState(kv.value, allowed)
      if (state) states.set(node, state)
      else {
        skip(kv)
        states.delete(node)
      }
      refresh(node)
    } else if (kv.key.startsWith(keys.contracts)) {
      if (!contracts.put(kv.key.slice(keys.contracts.length), kv.value)) skip(kv)
    }
  }

  function put(kv: KeyValue): void {
    if (kv.key.startsWith(prefix)) putNode(kv)
    else putOwn(kv)
  }

  function remove(key: string): void {
    const entry = entries.get(key)
    if (entry) miss(entry)
    else if (key.startsWith(keys.states)) {
      const node = key.slice(keys.states.length)
      if (states.delete(node)) refresh(node)
    }
    // Contracts stay: a node that is still up may have been compiled with it.
  }

  function letGo(): void {
    timer?.cancel()
    timer = undefined
    const now = clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const entry of [...entries.values()]) {
      if (entry.heldUntilMs === undefined) continue
      if (entry.heldUntilMs <= now) drop(entry, false)
      else next = Math.min(next, entry.heldUntilMs)
    }
    if (next < Number.POSITIVE_INFINITY) timer = clock.after(next - now, letGo)
  }

  return {
    services: () => names,
    nodes: (service) => services.get(service) ?? NONE,
    contract: (hash) => contracts.get(hash),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onContract: (listener) => contracts.subscribe(listener),
    get skipped() {
      return skipped
    },
    put,
    delete: remove,
    replace(kvs, revision, hold) {
      const listed = new Set<string>()
      const now = clock.now()
      if (hold)
        for (const entry of entries.values()) {
          entry.heldUntilMs ??= now + options.holdMs
          entry.modRevision = 0n
        }
      for (const kv of kvs) {
        listed.add(kv.key)
        const entry = entries.get(kv.key)
        if (entry && entry.heldUntilMs === undefined && entry.modRevision >= kv.modRevision) continue
        put(kv)
      }
      for (const entry of [...entries.values()])
        if (entry.heldUntilMs === undefined && !listed.has(entry.base.key) && entry.modRevision <= revision) miss(entry)
      if (!hold) for (const node of [...states.keys()]) if (!listed.has(keys.states + node)) remove(keys.states + node)
      letGo()
    },
    doubt(untilMs) {
      doubtUntilMs = Math.max(doubtUntilMs, untilMs)
    },
    stop() {
      timer?.cancel()
    },
  }
}

const NONE: readonly NodeInfo[] = []

function isSame(a: NodeInfo, b: NodeInfo): boolean {
  return (
    a.id === b.id &&
    a.version === b.version &&
    a.zone === b.zone &&
    a.startedAtMs === b.startedAtMs &&
    a.contract === b.contract &&
    a.weight === b.weight &&
    a.draining === b.draining &&
    a.admin === b.admin &&
    a.protocols.join() === b.protocols.join()
  )
}
