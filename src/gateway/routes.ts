/** The route table: what `/api/<service>/<action>` stands for, put together from all that say something about it. */
import { type Contract, type ContractDocument, fromDocument, toDocument } from '../contract/contract.ts'
import { limitersOf } from '../core/limit.ts'
import type { RequestObserver } from '../core/observe.ts'
import type { Policy, RouteOptions, Settings } from '../core/options.ts'
import type { View } from '../registry/registry.ts'
import { buildMethod, hasMethod } from './method-route.ts'
import type { Contracts, Route } from './route.ts'

export interface RouteTableOptions {
  /**
   * `outside`: what a gateway serves, methods of RPC among it where a contract exposes them. `inside`: what services reach
   * by HTTP from within, by its path.
   * @default 'inside'
   */
  readonly side?: 'inside' | 'outside'
  /** A route is given with `type: rpc`, and no contract that is known exposes the method. May be called often. */
  readonly closed?: (service: string, action: string) => void
  /** Asked once for each route, and not again when it changes. @default nobody is told of its requests */
  readonly observe?: ((route: { service: string; action: string }) => RequestObserver | undefined) | undefined
}

export interface RouteTable {
  find(service: string, action: string): Route | undefined
  /** Grows with each change: what was found before may not hold any more. */
  readonly version: number
  /** All routes of a service. */
  of(service: string): readonly Route[]
  update(settings: Settings): void
  close(): void
}

/** A table that follows the view. Sources, per route and field, highest first: settings, code, live nodes. */
export function createRouteTable(
  view: View,
  contracts: readonly Contract[],
  initial: Settings,
  options: RouteTableOptions = {},
): RouteTable {
  const coded = new Map(contracts.map((contract) => [contract.name, toDocument(contract)]))
  const built = new Map<string, ReadonlyMap<string, Route>>()
  /** What live nodes advertised last; kept while a service has no node, so that it is "no node" and not "unknown". */
  const advertised = new Map<string, ReadonlyMap<string, ContractDocument>>()
  const observers = new Map<string, RequestObserver | undefined>()
  let settings = initial
  let version = 0

  function documentsOf(service: string): ReadonlyMap<string, ContractDocument> {
    const nodes = view.nodes(service)
    const documents = new Map<string, ContractDocument>()
    for (const { contract } of nodes) {
      if (contract === undefined || documents.has(contract)) continue
      const document = fromDocument(view.contract(contract))
      if (document?.service === service) documents.set(contract, document)
    }
    if (documents.size === 0 && nodes.every(({ contract }) => contract === undefined || !view.contract(contract))) {
      // Nobody is there, or what they advertise has not been read yet.
      if (nodes.length === 0 || nodes.some(({ contract }) => contract !== undefined)) {
        return advertised.get(service) ?? documents
      }
    }
    advertised.set(service, documents)
    return documents
  }

  /** Somebody is there, and all contracts are read: what is not exposed now is meant so. */
  function isKnown(service: string): boolean {
    const nodes = view.nodes(service)
    const read = nodes.every(({ contract }) => contract === undefined || view.contract(contract) !== undefined)
    return read && (nodes.length > 0 || coded.has(service))
  }

  function observerOf({ service, action }: Route): RequestObserver | undefined {
    if (options.observe === undefined) return undefined
    const name = `${service}/${action}`
    if (!observers.has(name)) observers.set(name, options.observe({ service, action }))
    return observers.get(name)
  }

  function routesOf(service: string): ReadonlyMap<string, Route> {
    let routes = built.get(service)
    if (!routes) {
      const known = isKnown(service)
      const closed = (action: string): void => {
        if (known) options.closed?.(service, action)
      }
      const said = { coded: coded.get(service), live: documentsOf(service) }
      routes = buildService(service, settings, said, options.side ?? 'inside', closed)
      for (const route of routes.values()) route.observer = observerOf(route)
      // Names that nobody knows come from outside, in any number: they are not kept.
      if (routes.size > 0) built.set(service, routes)
    }
    return routes
  }

  // A leaving node takes its last word along before it is gone from the view: read while it is there.
  for (const service of view.services()) routesOf(service)
  const refresh = (service: string): void => {
    version++
    built.delete(service)
    routesOf(service)
  }
  const stops = [
    view.subscribe((change) => refresh(change.node.service)),
    view.onContract((service) => refresh(service)),
  ]
  return {
    find: (service, action) => routesOf(service).get(action),
    get version() {
      return version
    },
    of: (service) => [...routesOf(service).values()],
    update(changed) {
      version++
      settings = changed
      built.clear()
      for (const service of view.services()) routesOf(service)
    },
    close() {
      for (const stop of stops) stop()
    },
  }
}

function buildService(
  service: string,
  settings: Settings,
  contracts: Contracts,
  side: 'inside' | 'outside',
  closed: (action: string) => void,
): ReadonlyMap<string, Route> {
  const { coded, live } = contracts
  const configured = own(settings.routes, service) ?? {}
  const actions = new Set([...Object.keys(configured), ...Object.keys(coded?.http ?? {})])
  for (const document of live.values()) for (const action of Object.keys(document.http)) actions.add(action)
  if (side === 'outside') {
    for (const document of [coded, ...live.values()]) {
      for (const method of Object.keys(document?.rpc ?? {})) actions.add(method)
    }
  }
  const routes = new Map<string, Route>()
  for (const action of actions) {
    const given = own(configured, action)
    if (side === 'outside' && isMethod(action, given, contracts)) {
      const route = buildMethod(service, action, settings, given, contracts)
      if (route) routes.set(action, route)
      else if (given?.type === 'rpc') closed(action)
      continue
    }
    const route = buildRoute(service, action, settings, given, own(coded?.http, action), live)
    if (route) routes.set(action, route)
  }
  return routes
}

/** Said so, or known to contracts as a method only: a file that gives it a path does not make it another thing. */
function isMethod(action: string, given: RouteOptions | undefined, { coded, live }: Contracts): boolean {
  if (given?.type !== undefined) return given.type === 'rpc'
  const documents = [...(coded ? [coded] : []), ...live.values()]
  return documents.every(({ http }) => !Object.hasOwn(http, action)) && documents.some((it) => hasMethod(it, action))
}

interface Said {
  readonly path?: string | undefined
  readonly methods?: readonly string[] | undefined
}

function buildRoute(
  service: string,
  action: string,
  settings: Settings,
  given: RouteOptions | undefined,
  code: Said | undefined,
  live: ReadonlyMap<string, ContractDocument>,
): Route | undefined {
  const offered = new Map<string, Said>()
  for (const [hash, document] of live) {
    const said = own(document.http, action)
    if (said) offered.set(hash, said)
  }
  const overridden = given?.path ?? code?.path
  const path = overridden ?? [...offered.values()].at(-1)?.path
  if (path === undefined) return undefined
  const ofRoute = given !== undefined || code !== undefined
  return {
    service,
    action,
    type: given?.type ?? 'http',
    methods: given?.methods ?? code?.methods ?? unionOfMethods(offered),
    pathAt: (node) =>
      overridden ?? (node.contract === undefined ? undefined : offered.get(node.contract)?.path) ?? path,
    policy: policyOf(settings.policy, given),
    idempotent: given?.idempotent,
    idempotencyKey: given?.idempotencyKey ?? false,
    envelope: given?.envelope ?? settings.gateway.envelope,
    maxBodyBytes: given?.maxBodyBytes ?? settings.gateway.maxBodyBytes,
    offers: offersOf(offered, ofRoute, given?.select),
    observer: undefined,
  }
}

/** Undefined as soon as one of them takes any method. */
function unionOfMethods(offered: ReadonlyMap<string, Said>): readonly string[] | undefined {
  const all = new Set<string>()
  for (const { methods } of offered.values()) {
    if (!methods) return undefined
    for (const method of methods) all.add(method)
  }
  return all.size === 0 ? undefined : [...all]
}

/**
 * Once live contracts tell of the action, it goes to the nodes that offer it; nodes that say nothing take it when a
 * file or the code asks for it. While no contract tells of it, every node is good.
 */
function offersOf(
  offered: ReadonlyMap<string, Said>,
  ofRoute: boolean,
  select: RouteOptions['select'],
): Route['offers'] {
  const selects = select?.version !== undefined || select?.zone !== undefined
  if (offered.size === 0 && !selects) return undefined
  return (node) => {
    if (select?.version !== undefined && node.version !== select.version) return false
    if (select?.zone !== undefined && node.zone !== select.zone) return false
    if (offered.size === 0) return true
    return node.contract === undefined ? ofRoute : offered.has(node.contract)
  }
}

function policyOf(base: Policy, given: RouteOptions | undefined): Policy {
  return {
    timeoutMs: given?.timeoutMs ?? base.timeoutMs,
    totalTimeoutMs: given?.totalTimeoutMs ?? base.totalTimeoutMs,
    retries: given?.retries ?? base.retries,
    retryWaitsMs: base.retryWaitsMs,
    retryRule: base.retryRule,
    retryBusy: given?.retryBusy ?? base.retryBusy,
    ...limitersOf(given?.limiter, base),
    breaker: given?.breaker ?? base.breaker,
    callLimit: given?.callLimit ?? base.callLimit,
  }
}

/** Names come from outside: `constructor` and the like are nobody's property. */
function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined
}
