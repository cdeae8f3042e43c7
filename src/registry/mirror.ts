/**
 * The view of another process: a primary sends what its own view shows and what changes in it, and workers show the same
 * without talking to the registry themselves.
 */
import { GomsError } from '../core/errors.ts'
import type { NodeInfo } from '../core/node.ts'
import { createContractShelf } from './contract-shelf.ts'
import type { Registry, View, ViewChange } from './registry.ts'

interface ContractMessage {
  readonly type: 'contract'
  readonly service: string
  readonly hash: string
  readonly document: unknown
}

/** In the order in which they were sent; plain data that can be cloned. */
export type ViewMessage =
  | ContractMessage
  | { readonly type: 'change'; readonly change: ViewChange }
  | { readonly type: 'services'; readonly services: readonly (readonly [string, readonly NodeInfo[]])[] }

/** What a mirror needs to show what the view shows now; what changes from now on follows by `followView`. */
export function snapshotOf(view: View): readonly ViewMessage[] {
  const services = view.services().map((service) => [service, view.nodes(service)] as const)
  const contracts = services.flatMap(([, nodes]) => nodes.flatMap((node) => contractOf(view, node)))
  return [...contracts, { type: 'services', services }]
}

/** Sends each change, and each contract before the node that advertises it. Returns how to stop. */
export function followView(view: View, send: (message: ViewMessage) => void): () => void {
  const stops = [
    view.subscribe((change) => {
      // Known already where it was sent before; a mirror that began in between has never seen it.
      if (change.type !== 'leave') for (const message of contractOf(view, change.node)) send(message)
      send({ type: 'change', change })
    }),
    view.onContract((service, hash, document) => send({ type: 'contract', service, hash, document })),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function contractOf(view: View, { service, contract: hash }: NodeInfo): ContractMessage[] {
  const document = hash === undefined ? undefined : view.contract(hash)
  return hash === undefined || document === undefined ? [] : [{ type: 'contract', service, hash, document }]
}

export interface Mirror extends View {
  take(message: ViewMessage): void
}

/** Empty until it is sent something. `failed` is told of listeners that throw, which harm nobody. */
export function createMirror(failed: (error: unknown) => void): Mirror {
  const services = new Map<string, readonly NodeInfo[]>()
  const listeners = new Set<(change: ViewChange) => void>()
  const contracts = createContractShelf(guard)
  let names: readonly string[] = []

  function guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      failed(error)
    }
  }

  function setNodes(service: string, nodes: readonly NodeInfo[]): void {
    const fresh = !services.has(service)
    services.set(service, nodes)
    if (fresh) names = [...services.keys()].sort()
  }

  function apply(change: ViewChange): void {
    const { node } = change
    const others = (services.get(node.service) ?? []).filter((other) => other.key !== node.key)
    const shown = change.type === 'leave' ? others : [...others, node]
    setNodes(node.service, shown.sort(byKey))
    for (const listener of [...listeners]) guard(() => listener(change))
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
    /** Told by the process that reads them. */
    skipped: 0,
    take(message) {
      if (message.type === 'contract') contracts.add(message.service, message.hash, message.document)
      else if (message.type === 'change') apply(message.change)
      else {
        for (const [service, nodes] of message.services) {
          setNodes(service, [])
          for (const node of nodes) apply({ type: 'join', node })
        }
      }
    },
  }
}

const NONE: readonly NodeInfo[] = []

function byKey(a: NodeInfo, b: NodeInfo): number {
  return a.key < b.key ? -1 : 1
}

/** A registry of which only the view is there: all else is done by the process whose view it mirrors. */
export function createMirrorRegistry(kind: Registry['kind'], view: View): Registry {
  const elsewhere = async (): Promise<never> => {
    throw new GomsError('FAILED_PRECONDITION', 'registry: a worker has only the view; the primary does the rest')
  }
  return {
    kind,
    view,
    // Those in force come with the settings.
    routes: { current: undefined, subscribe: () => () => {}, read: elsewhere, write: elsewhere, putBack: elsewhere },
    start: async () => {},
    register: elsewhere,
    sharedKey: elsewhere,
    status: () => ({ connected: true, endpoint: undefined, revision: 0n, ageMs: 0 }),
    store: () => undefined,
    close: async () => {},
  }
}
