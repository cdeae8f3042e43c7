/** The route of an RPC method: it is there only where a contract exposes the method, and nothing else can open it. */
import { type ContractDocument, methodOptionsOf, type RpcMethodDocument } from '../contract/contract.ts'
import type { NodeInfo } from '../core/node.ts'
import type { RouteOptions, Settings } from '../core/options.ts'
import type { MethodOptions } from '../core/rpc-client.ts'
import { methodPolicy } from '../mesh/rpc-policy.ts'
import { parseRate } from '../resilience/rate.ts'
import type { Contracts, Route } from './route.ts'

export function hasMethod(document: ContractDocument, method: string): boolean {
  return methodOf(document, method) !== undefined
}

/**
 * The route of a method, or undefined where no contract exposes it. A contract in code that exposes it opens it at all
 * nodes that have it; else it goes to nodes only whose own contract exposes it.
 * @param given what the configuration says
 */
export function buildMethod(
  service: string,
  method: string,
  settings: Settings,
  given: RouteOptions | undefined,
  { coded, live }: Contracts,
): Route | undefined {
  const code = coded && methodOf(coded, method)
  const having = new Map<string, RpcMethodDocument>()
  const exposing = new Map<string, RpcMethodDocument>()
  for (const [hash, document] of live) {
    const said = methodOf(document, method)
    if (said) having.set(hash, said)
    if (said?.expose !== undefined) exposing.set(hash, said)
  }
  const opened = code?.expose !== undefined ? having : exposing
  const methods = code?.expose !== undefined ? [code.expose] : exposedAs(exposing)
  if (methods.length === 0) return undefined
  const said = [...(code ? [code] : []), ...opened.values()]
  const { policy, idempotent } = methodPolicy(settings.policy, given, {
    ...readable({ ...optionsOf([...opened.values()].at(-1)), ...optionsOf(code) }),
    // One version that may not be run twice is enough: a repetition may meet it.
    idempotent: said.every((one) => one.idempotent === true),
  })
  const select = given?.select
  const ofRoute = given !== undefined || code?.expose !== undefined
  return {
    service,
    action: method,
    type: 'rpc',
    methods,
    pathAt: () => '',
    policy,
    idempotent,
    idempotencyKey: given?.idempotencyKey ?? false,
    envelope: given?.envelope ?? settings.gateway.envelope,
    maxBodyBytes: given?.maxBodyBytes ?? settings.gateway.maxBodyBytes,
    observer: undefined,
    offers(node: NodeInfo) {
      if (select?.version !== undefined && node.version !== select.version) return false
      if (select?.zone !== undefined && node.zone !== select.zone) return false
      return node.contract === undefined ? ofRoute : opened.has(node.contract)
    },
  }
}

function optionsOf(document: RpcMethodDocument | undefined): MethodOptions | undefined {
  return document && methodOptionsOf(document)
}

/** Without rates that cannot be: what another process advertised must not end the routes of its service. */
function readable(options: MethodOptions): MethodOptions {
  const { limiter, breaker, ...rest } = options
  return {
    ...rest,
    ...(limiter !== undefined && (typeof limiter !== 'string' || isRate(limiter)) && { limiter }),
    ...(breaker !== undefined && isRate(breaker) && { breaker }),
  }
}

function isRate(text: string): boolean {
  try {
    parseRate(text)
    return true
  } catch {
    return false
  }
}

function exposedAs(exposing: ReadonlyMap<string, RpcMethodDocument>): readonly string[] {
  return [...new Set([...exposing.values()].flatMap(({ expose }) => expose ?? []))]
}

/** Names come from outside: `constructor` and the like are nobody's method. */
function methodOf({ rpc }: ContractDocument, method: string): RpcMethodDocument | undefined {
  return rpc && Object.hasOwn(rpc, method) ? rpc[method] : undefined
}
