/** Finds out at the start whether a process calls routes whose limit the project shares, and has it ready by then. */
import { type Contract, fromDocument, isContract, methodOptionsOf } from '../contract/contract.ts'
import { isShared } from '../core/limit.ts'
import type { Settings } from '../core/options.ts'
import type { MethodOptions } from '../core/rpc-client.ts'
import type { View } from '../registry/registry.ts'
import type { Definition } from './service-file.ts'
import { noAddress, type ProcessLimits } from './shared-limits.ts'

/**
 * What a contract or a file says of routes that this process may call. Those of others are found out when they are called.
 * @throws GomsError GOMS_CONFIG_INVALID where one is shared and there is no `redisAddr`, GOMS_PEER_MISSING
 */
export async function openLimits(definition: Definition, settings: Settings, limits: ProcessLimits): Promise<void> {
  const own = definition.kind === 'service' && definition.contract !== undefined ? [definition.contract] : []
  const called = calledBy(definition)
  for (const contract of [...own, ...called]) {
    const method = sharedMethodOf(contract)
    if (method === undefined || settings.redisAddr !== undefined) continue
    throw noAddress(`contract("${contract.name}"): the limiter of rpc.${method} is shared by the project`)
  }
  const byFile = definition.kind === 'gateway' ? Object.keys(settings.routes) : called.map(({ name }) => name)
  const isCalled = definition.kind === 'gateway' || called.length > 0
  const isDefault = isCalled && settings.policy.sharedLimiter !== undefined
  if (isDefault || byFile.some((service) => hasShared(settings, service)) || called.some(sharedMethodOf)) {
    await limits.open()
  }
}

/** Contracts of live nodes that a gateway learns of. */
export function openLimitsOf(view: View, limits: ProcessLimits): void {
  const look = (service: string): void => {
    const documents = view.nodes(service).map(({ contract }) => fromDocument(contract && view.contract(contract)))
    const methods = documents.flatMap((document) => Object.values(document?.rpc ?? {}))
    // What keeps it from being opened is told where a call is not counted.
    if (methods.some((method) => isSharedMethod(methodOptionsOf(method)))) limits.open().catch(() => {})
  }
  for (const service of view.services()) look(service)
  view.onContract(look)
}

function calledBy(definition: Definition): readonly Contract[] {
  if (definition.kind === 'gateway') return definition.contracts ?? []
  return Object.values(definition.uses ?? {}).filter((used) => isContract(used))
}

function sharedMethodOf(contract: Contract): string | undefined {
  const methods = Object.entries<MethodOptions>(contract.shape.rpc ?? {})
  return methods.find(([, method]) => isSharedMethod(method))?.[0]
}

function isSharedMethod({ limiter }: MethodOptions): boolean {
  return typeof limiter === 'object' && limiter.shared === true
}

function hasShared({ routes }: Settings, service: string): boolean {
  const actions = Object.hasOwn(routes, service) ? routes[service] : undefined
  return Object.values(actions ?? {}).some(({ limiter }) => isShared(limiter))
}
