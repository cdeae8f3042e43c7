/** What live nodes say of routes that are going to be shared: what cannot work, and what probably does not. */
import { didYouMean } from '../config/did-you-mean.ts'
import type { Mistake } from '../config/mistake.ts'
import type { RouteFile } from '../config/shape.ts'
import { routeBlocks, type SharedSet } from '../config/shared-set.ts'
import { originOf, type Tree } from '../config/tree.ts'
import { type ContractDocument, fromDocument } from '../contract/contract.ts'
import type { View } from '../registry/registry.ts'

export interface Checked {
  readonly mistakes: readonly Mistake[]
  /** Nobody serves it now; somebody may later. */
  readonly doubts: readonly Mistake[]
}

/** @param part what is going to be shared, with its places */
export function checkRoutes(part: Tree, view: Pick<View, 'services' | 'nodes' | 'contract'>): Checked {
  const mistakes: Mistake[] = []
  const doubts: Mistake[] = []
  const services = routeBlocks((part.value as SharedSet).services ?? {})
  for (const [service, actions] of Object.entries(services)) {
    const nodes = view.nodes(service)
    if (nodes.length === 0) {
      doubts.push(
        noService(
          part,
          service,
          view.services().filter((name) => view.nodes(name).length > 0),
        ),
      )
      continue
    }
    const contracts = contractsOf(service, nodes, view)
    // Of nodes that say nothing of themselves everything may be true.
    if (contracts === undefined) continue
    for (const [action, route] of Object.entries(actions)) {
      const at = ['services', service, action]
      if (isClosed(action, route, contracts)) mistakes.push(closed(part, at))
      else if (!isServed(action, route, contracts)) doubts.push(noAction(part, at, contracts))
    }
  }
  return { mistakes, doubts }
}

/** Those of all nodes; undefined where one of them has none, or it could not be read. */
function contractsOf(
  service: string,
  nodes: readonly { readonly contract: string | undefined }[],
  view: Pick<View, 'contract'>,
): readonly ContractDocument[] | undefined {
  const contracts: ContractDocument[] = []
  for (const { contract } of nodes) {
    const document = contract === undefined ? undefined : fromDocument(view.contract(contract))
    if (document?.service !== service) return undefined
    contracts.push(document)
  }
  return contracts
}

/** Asked for from outside, and there for services alone. */
function isClosed(action: string, { type }: RouteFile, contracts: readonly ContractDocument[]): boolean {
  if (type !== 'rpc' && type !== 'in') return false
  const methods = contracts.flatMap(({ rpc }) => own(rpc, action) ?? [])
  return methods.length > 0 && methods.every(({ expose }) => expose === undefined)
}

/** Services that tell of no action over HTTP leave that to the routes. */
function isServed(action: string, { path, type }: RouteFile, contracts: readonly ContractDocument[]): boolean {
  if (contracts.some(({ http, rpc }) => own(http, action) !== undefined || own(rpc, action) !== undefined)) return true
  const tellsOfHttp = contracts.some(({ http }) => Object.keys(http).length > 0)
  return path !== undefined && type !== 'rpc' && type !== 'in' && !tellsOfHttp
}

function closed(part: Tree, at: readonly string[]): Mistake {
  const [, service, action] = at
  return {
    code: 'GOMS_CONFIG_INVALID',
    message: `${service}/${action} is \`type: rpc\`, and the contract of ${service} does not expose the method`,
    origin: originOf(part, [...at, 'type']),
    label: 'no route from outside',
    fix: [
      `to open it, give the method \`expose\` in its contract: ${action}: rpc({ expose: 'POST' })`,
      'to set only how it is called by services, leave `type` out',
    ],
  }
}

function noService(part: Tree, service: string, known: readonly string[]): Mistake {
  const near = didYouMean(service, known)
  return {
    code: 'GOMS_CONFIG_INVALID',
    message: `no live node serves ${service}`,
    origin: originOf(part, ['services', service]),
    at: 'key',
    label: near === undefined ? undefined : `did you mean "${near}"?`,
    fix: [known.length === 0 ? 'there are no services now' : `services: ${known.slice(0, 50).join(', ')}`],
  }
}

function noAction(part: Tree, at: readonly string[], contracts: readonly ContractDocument[]): Mistake {
  const [, service, action = ''] = at
  const known = [...new Set(contracts.flatMap(({ http, rpc }) => [...Object.keys(http), ...Object.keys(rpc ?? {})]))]
  const near = didYouMean(action, known)
  return {
    code: 'GOMS_CONFIG_INVALID',
    message: `no live node of ${service} tells of ${action}`,
    origin: originOf(part, at),
    at: 'key',
    label: near === undefined ? undefined : `did you mean "${near}"?`,
    fix: [known.length === 0 ? 'their contracts are empty' : `they tell of: ${known.slice(0, 50).join(', ')}`],
  }
}

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined
}
