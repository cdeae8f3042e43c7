/** `goms services [service]`: what the services of the cluster offer and tell, as the contracts of their live nodes tell it. */
import { fromDocument, type RpcMethodDocument } from '../contract/contract.ts'
import type { View } from '../registry/registry.ts'
import { parseArguments } from './args.ts'
import { checkService, toTable, withCluster } from './onlooker.ts'
import { FLAGS_OF } from './tool-flags.ts'
import { usageMistake } from './usage.ts'

export async function run(args: readonly string[]): Promise<number> {
  const { flags, positionals } = parseArguments(args, FLAGS_OF.services)
  if (positionals.length > 1) throw usageMistake('services', 'at most one service', positionals)
  const [wanted] = positionals
  return withCluster(flags, async ({ cluster, settings }) => {
    const { view } = cluster.registry
    if (wanted !== undefined) checkService(view, wanted)
    const names = wanted === undefined ? view.services() : [wanted]
    const services = names.map((name) => serviceOf(view, name))
    if (flags.json === true) process.stdout.write(`${JSON.stringify(services, null, 2)}\n`)
    else if (services.length > 0) process.stdout.write(tableOf(services))
    else process.stderr.write(`no service is registered in the project "${settings.project}"\n`)
    const { current } = cluster.registry.routes
    if (flags.json !== true && current?.set !== undefined) {
      process.stderr.write(`routes: number ${current.number}, shared by ${current.by} (see goms routes)\n`)
    }
    return 0
  })
}

export interface ServiceRecord {
  readonly service: string
  readonly nodes: number
  readonly versions: readonly string[]
  readonly methods: readonly MethodRecord[]
  readonly actions: readonly ActionRecord[]
  readonly events: readonly EventRecord[]
}

interface MethodRecord extends RpcMethodDocument {
  readonly name: string
  /** How many nodes offer it. */
  readonly nodes: number
}

interface ActionRecord {
  readonly name: string
  readonly nodes: number
  readonly path: string
  /** Undefined: any. */
  readonly methods?: readonly string[]
}

interface EventRecord {
  readonly name: string
  readonly nodes: number
}

/** What differs between the versions that are live is told as the last one says it. */
export function serviceOf(view: Pick<View, 'nodes' | 'contract'>, service: string): ServiceRecord {
  const nodes = view.nodes(service)
  const methods = new Map<string, MethodRecord>()
  const actions = new Map<string, ActionRecord>()
  const events = new Map<string, EventRecord>()
  for (const { contract } of nodes) {
    const document = contract === undefined ? undefined : fromDocument(view.contract(contract))
    if (document?.service !== service) continue
    for (const [name, method] of Object.entries(document.rpc ?? {})) {
      methods.set(name, { name, ...method, nodes: (methods.get(name)?.nodes ?? 0) + 1 })
    }
    for (const [name, action] of Object.entries(document.http)) {
      actions.set(name, { name, ...action, nodes: (actions.get(name)?.nodes ?? 0) + 1 })
    }
    for (const name of document.events ?? []) {
      events.set(name, { name, nodes: (events.get(name)?.nodes ?? 0) + 1 })
    }
  }
  return {
    service,
    nodes: nodes.length,
    versions: [...new Set(nodes.flatMap(({ version }) => version ?? []))].sort(),
    methods: byName(methods),
    actions: byName(actions),
    events: byName(events),
  }
}

function byName<T extends { readonly name: string }>(entries: ReadonlyMap<string, T>): readonly T[] {
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

const HEAD = ['SERVICE', 'NODES', 'KIND', 'NAME', 'FROM OUTSIDE', 'POLICY'] as const

function tableOf(services: readonly ServiceRecord[]): string {
  const rows = services.flatMap(({ service, nodes, methods, actions, events }) => {
    const own = [
      ...methods.map((method) => ['method', method.name, outsideOf(service, method), policyOf(method, nodes)]),
      ...actions.map((action) => [
        ...['action', action.name, `${(action.methods ?? ['ANY']).join('|')} /api/${service}/${action.name}`],
        partOf(action.nodes, nodes).join(', '),
      ]),
      ...events.map((event) => ['event', event.name, '-', partOf(event.nodes, nodes).join(', ')]),
    ]
    const [first = ['-', '-', '-', ''], ...others] = own
    return [[service, String(nodes), ...first], ...others.map((row) => ['', '', ...row])]
  })
  return toTable([HEAD, ...rows])
}

function outsideOf(service: string, { expose, name }: MethodRecord): string {
  return expose === undefined ? '-' : `${expose} /api/${service}/${name}`
}

function policyOf(method: MethodRecord, nodes: number): string {
  const { timeoutMs, idempotent, retries, limiter, sharedLimiter, breaker } = method
  return [
    ...(idempotent === true ? ['idempotent'] : []),
    ...(timeoutMs === undefined ? [] : [`timeout ${timeoutMs} ms`]),
    ...(retries === undefined ? [] : [`retries ${retries}`]),
    ...(limiter === undefined ? [] : [`limiter ${limiter}`]),
    ...(sharedLimiter === undefined ? [] : [`shared limiter ${sharedLimiter.perMs / 1000}/${sharedLimiter.calls}`]),
    ...(breaker === undefined ? [] : [`breaker ${breaker}`]),
    ...partOf(method.nodes, nodes),
  ].join(', ')
}

function partOf(offering: number, nodes: number): string[] {
  return offering === nodes ? [] : [`at ${offering} of ${nodes} nodes`]
}
