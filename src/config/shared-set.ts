/** What processes may share of their configuration: routes, and the defaults of all routes. Nothing else ever travels. */
import { isDeepStrictEqual } from 'node:util'
import { nameMistake } from './key-mistakes.ts'
import type { Origin } from './mistake.ts'
import type { ConfigFile, RouteFile, RoutesFile } from './shape.ts'
import { emptyTree, pathKey, type Tree } from './tree.ts'

/** In the order in which they are shown. */
export const SHARED_KEYS: readonly (keyof SharedSet)[] = [
  ...(['timeout', 'totalTimeout', 'retries', 'callRetry', 'retryBusy'] as const),
  ...(['limiter', 'breaker', 'callLimit', 'balance', 'services'] as const),
]

/** In the form of the files. */
export type SharedSet = Pick<
  ConfigFile,
  | 'services'
  | 'timeout'
  | 'totalTimeout'
  | 'retries'
  | 'callRetry'
  | 'retryBusy'
  | 'limiter'
  | 'breaker'
  | 'callLimit'
  | 'balance'
>

/** A set as it was read from somewhere, and what to call it in messages: `routes number 7`. */
export interface NamedSet {
  readonly set: Readonly<Record<string, unknown>>
  readonly name: string
}

function isShared(key: string): key is keyof SharedSet {
  return (SHARED_KEYS as readonly string[]).includes(key)
}

/** What of a tree can be shared, with its places. */
export function sharedPart(tree: Tree): Tree {
  const part = emptyTree()
  for (const key of SHARED_KEYS) if (tree.value[key] !== undefined) part.value[key] = tree.value[key]
  for (const [key, origin] of tree.origins) if (isShared(key.split('\0', 1)[0] ?? '')) part.origins.set(key, origin)
  return part
}

/** Lays a set into a tree; of what stood there under these keys nothing stays. */
export function layShared(tree: Tree, { set, name }: NamedSet): void {
  for (const key of SHARED_KEYS) delete tree.value[key]
  for (const key of tree.origins.keys()) if (isShared(key.split('\0', 1)[0] ?? '')) tree.origins.delete(key)
  const origin: Origin = { kind: 'shared', name }
  for (const [key, value] of Object.entries(set)) {
    if (!isShared(key)) {
      const message = `${name} has a key that cannot be shared: ${JSON.stringify(key.slice(0, 80))}`
      tree.mistakes.push({ code: 'GOMS_CONFIG_UNKNOWN_KEY', message, origin })
      continue
    }
    tree.value[key] = structuredClone(value)
    tree.origins.set(pathKey([key]), origin)
  }
  checkNames(tree, set.services, origin)
}

/** Files are checked while they are read; whoever wrote a set into the registry need not have done so. */
function checkNames(tree: Tree, services: unknown, origin: Origin): void {
  for (const [service, actions] of entriesOf(services)) {
    const names = entriesOf(actions).map(([action]) => nameMistake('action', action, origin))
    tree.mistakes.push(...[nameMistake('service', service, origin), ...names].filter((it) => it !== undefined))
  }
}

function entriesOf(block: unknown): readonly (readonly [string, unknown])[] {
  return typeof block === 'object' && block !== null ? Object.entries(block) : []
}

/** Whether two sets say the same. */
export function isSameSet(a: SharedSet | undefined, b: SharedSet | undefined): boolean {
  return isDeepStrictEqual(a && withBlocks(a), b && withBlocks(b))
}

function withBlocks({ services, ...defaults }: SharedSet): object {
  const given = Object.fromEntries(Object.entries(defaults).filter(([, value]) => value !== undefined))
  return { ...given, ...(services && { services: routeBlocks(services) }) }
}

/**
 * A route that is written as its path is the same as a block with that path. What is none of both is an empty block: a set
 * in the registry that nobody can go by can be compared, and written over.
 */
export function routeBlocks(services: RoutesFile): Record<string, Record<string, RouteFile>> {
  return Object.fromEntries(
    entriesOf(services).map(([service, actions]) => [
      service,
      Object.fromEntries(entriesOf(actions).map(([action, route]) => [action, blockOf(route)])),
    ]),
  )
}

function blockOf(route: unknown): RouteFile {
  if (typeof route === 'string') return { path: route }
  return typeof route === 'object' && route !== null ? route : {}
}
