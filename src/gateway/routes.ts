/** The route table: what `/api/<service>/<action>` stands for, put together from all that say something about it. */
import { type Contract, type ContractDocument, fromDocument, toDocument } from '../contract/contract.ts'
import type { NodeInfo } from '../core/node.ts'
import type { Policy, RouteOptions, Routes, Settings } from '../core/options.ts'
import type { View } from '../registry/registry.ts'

/** One route, resolved. */
export interface Route {
  readonly service: string
  readonly action: string
  readonly type: 'http' | 'rpc'
  /** Upper case; undefined: any. */
  readonly methods: readonly string[] | undefined
  /** Path at that node: nodes of two versions may have it at two places. */
  pathAt(node: NodeInfo): string
  readonly policy: Policy
  /** Undefined: by the request's method. */
  readonly idempotent: boolean | undefined
  readonly idempotencyKey: boolean
  readonly envelope: boolean
  /** Nodes that may take it; undefined: every node of the service. */
  readonly offers: ((node: NodeInfo) => boolean) | undefined
}

export interface RouteSources {
  readonly settings: Settings
  /** Routes that were pushed to the registry; they go before the files. */
  readonly pushed?: Routes | undefined
}

export interface RouteTable {
  find(service: string, action: string): Route | undefined
  /** All routes of a service. */
  of(service: string): readonly Route[]
  update(sources: RouteSources): void
  close(): void
}

/** A table that follows the view. Sources, per route and field, highest first: pushed, files, code, live nodes. */
export function createRouteTable(view: View, contracts: readonly Contract[], initial: RouteSources): RouteTable {
  const coded = new Map(contracts.map((contract) => [contract.name, toDocument(contract)]))
  const built = new Map<string, ReadonlyMap<string, Route>>()
  /** What live nodes advertised last; kept while a service has no node, so that it is "no node" and not "unknown". */
  const advertised = new Map<string, ReadonlyMap<string, ContractDocument>>()
  let sources = initial

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

  function routesOf(service: string): ReadonlyMap<string, Route> {
    let routes = built.get(service)
    if (!routes) {
      routes = buildService(service, sources, coded.get(service), documentsOf(service))
      // Names that nobody knows come from outside, in any number: they are not kept.
      if (routes.size > 0) built.set(service, routes)
    }
    return routes
  }

  // A leaving node takes its last word along before it is gone from the view: read while it is there.
  for (const service of view.services()) routesOf(service)
  const refresh = (service: string): void => {
    built.delete(service)
    routesOf(service)
  }
  const stops = [
    view.subscribe((change) => refresh(change.node.service)),
    view.onContract((service) => refresh(service)),
  ]
  return {
    find: (service, action) => routesOf(service).get(action),
    of: (service) => [...routesOf(service).values()],
    update(changed) {
      sources = changed
      built.clear()
    },
    close() {
      for (const stop of stops) stop()
    },
  }
}

function buildService(
  service: string,
  { settings, pushed }: RouteSources,
  coded: ContractDocument | undefined,
  live: ReadonlyMap<string, ContractDocument>,
): ReadonlyMap<string, Route> {
  const pushedRoutes = own(pushed, service) ?? {}
  const fileRoutes = own(settings.routes, service) ?? {}
  const actions = new Set([...Object.keys(pushedRoutes), ...Object.keys(fileRoutes), ...Object.keys(coded?.http ?? {})])
  for (const document of live.values()) for (const action of Object.keys(document.http)) actions.add(action)
  const routes = new Map<string, Route>()
  for (const action of actions) {
    const given = [own(pushedRoutes, action), own(fileRoutes, action)].filter((options) => options !== undefined)
    const code = own(coded?.http, action)
    const route = buildRoute(service, action, settings, given, code, live)
    if (route) routes.set(action, route)
  }
  return routes
}

interface Said {
  readonly path?: string | undefined
  readonly methods?: readonly string[] | undefined
}

function buildRoute(
  service: string,
  action: string,
  settings: Settings,
  given: readonly RouteOptions[],
  code: Said | undefined,
  live: ReadonlyMap<string, ContractDocument>,
): Route | undefined {
  const first = <K extends keyof RouteOptions>(key: K): RouteOptions[K] | undefined =>
    given.find((options) => options[key] !== undefined)?.[key]
  const offered = new Map<string, Said>()
  for (const [hash, document] of live) {
    const said = own(document.http, action)
    if (said) offered.set(hash, said)
  }
  const overridden = first('path') ?? code?.path
  const path = overridden ?? [...offered.values()].at(-1)?.path
  if (path === undefined) return undefined
  const ofRoute = given.length > 0 || code !== undefined
  return {
    service,
    action,
    type: first('type') ?? 'http',
    methods: first('methods') ?? code?.methods ?? unionOfMethods(offered),
    pathAt: (node) =>
      overridden ?? (node.contract === undefined ? undefined : offered.get(node.contract)?.path) ?? path,
    policy: policyOf(settings.policy, first),
    idempotent: first('idempotent'),
    idempotencyKey: first('idempotencyKey') ?? false,
    envelope: first('envelope') ?? settings.gateway.envelope,
    offers: offersOf(offered, ofRoute, first('select')),
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
 * Once live contracts tell of the action, it goes to the nodes that offer it; nodes that say nothing take it when a file,
 * a push or the code asks for it. While no contract tells of it, every node is good.
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

function policyOf(base: Policy, first: <K extends keyof RouteOptions>(key: K) => RouteOptions[K] | undefined): Policy {
  return {
    timeoutMs: first('timeoutMs') ?? base.timeoutMs,
    totalTimeoutMs: first('totalTimeoutMs') ?? base.totalTimeoutMs,
    retries: first('retries') ?? base.retries,
    retryWaitsMs: base.retryWaitsMs,
    retryRule: base.retryRule,
    retryBusy: first('retryBusy') ?? base.retryBusy,
    limiter: first('limiter') ?? base.limiter,
    breaker: first('breaker') ?? base.breaker,
    callLimit: first('callLimit') ?? base.callLimit,
  }
}

/** Names come from outside: `constructor` and the like are nobody's property. */
function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined
}
