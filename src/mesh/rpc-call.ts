/** Calls a method of another service: finds its policy and its nodes, and sends it the one way out. */
import type { Clock } from '../core/clock.ts'
import type { CallContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { NodeInfo } from '../core/node.ts'
import type { OutboundObserver } from '../core/observe.ts'
import type { Policy } from '../core/options.ts'
import type { CallOptions, MethodRef } from '../core/rpc-client.ts'
import type { View } from '../registry/registry.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import type { RpcHandler } from '../transport/rpc.ts'
import type { RpcCarrierDeps } from './rpc-carrier.ts'
import { DirectCall } from './rpc-local.ts'
import { callPolicy, isPlain, type MethodPolicy } from './rpc-policy.ts'
import { settledBy } from './settlement.ts'
import { type CalledMethod, TypedCall } from './typed-call.ts'

export interface RpcCallerDeps extends RpcCarrierDeps {
  readonly view: View
  /** How calls of the method are treated now; asked once, and again after `update`. */
  policy(ref: MethodRef): MethodPolicy
  /** The payload codecs of a method: one pair for all its calls. */
  codecs(service: string, method: string): MethodCodecs
  /** Whether the contract of that hash has the method; undefined while it has not been read. */
  offers(hash: string, method: string): boolean | undefined
  /** Calls it at nodes that speak HTTP only; undefined where no route is configured for it. */
  overHttp(ref: MethodRef, input: unknown, options: CallOptions, context: CallContext | undefined): HttpCall | undefined
  /** Name of the calling service. */
  readonly caller: string
  readonly clock: Clock
  /** Traces are recorded: decides about those that begin here. @default none is */
  readonly sampler?: Sampler | undefined
  /** Who is told of the calls of a method to handlers of this process, which go past the mesh. @default nobody */
  observer?(service: string, method: string): OutboundObserver | undefined
  /** Nothing wraps calls: those to a node of this process may go straight to it. @default false */
  readonly direct?: boolean
}

type HttpCall = () => Promise<unknown>

export interface RpcCaller {
  /**
   * Calls a method. Resolves with its output.
   * @param context the call in progress that this one is part of: trace, deadline, identity and signal go along
   * @throws GomsError with the callee's code, status and data; UNIMPLEMENTED, UNAVAILABLE, RESOURCE_EXHAUSTED,
   * DEADLINE_EXCEEDED, BAD_GATEWAY, CANCELLED of its own
   */
  call(
    ref: MethodRef,
    input: unknown,
    options: CallOptions | undefined,
    context: CallContext | undefined,
  ): Promise<unknown>
  /** Settings changed: policies are looked up again. */
  update(): void
}

/** What is known of a method, kept by its reference. */
interface Plan extends CalledMethod {
  /** The caller's plans of now: those from before an update count no more. */
  readonly owner: object
  readonly offers: (node: NodeInfo) => boolean
  /** The nodes that `way` was found for. */
  nodes: readonly NodeInfo[] | undefined
  way: 'rpc' | 'http' | 'nobody'
  /** A node of this process that takes the method's calls, past the mesh. */
  here: RpcHandler | undefined
  observer: OutboundObserver | undefined
}

export function createRpcCaller(deps: RpcCallerDeps): RpcCaller {
  let plans = new WeakMap<MethodRef, Plan>()

  function planOf(ref: MethodRef): Plan {
    const { plan } = ref
    if (plan !== undefined && plan.owner === plans) return plan as Plan
    return findPlan(ref)
  }

  function findPlan(ref: MethodRef): Plan {
    let plan = plans.get(ref)
    if (plan === undefined) {
      const { policy, idempotent } = deps.policy(ref)
      const codecs = deps.codecs(ref.service, ref.method)
      const offers = offersOf(ref.method)
      plan = {
        ...{ owner: plans, policy, idempotent, codecs, offers, nodes: undefined, way: 'rpc', here: undefined },
        observer: deps.observer?.(ref.service, ref.method),
      }
      plans.set(ref, plan)
    }
    ref.plan = plan
    return plan
  }

  /** What was read once stays: a hash names one contract for ever, and the pick asks for every node. */
  function offersOf(method: string): (node: NodeInfo) => boolean {
    const known = new Map<string, boolean>()
    // Nearly always all nodes have the same.
    let offered: string | undefined
    return ({ contract }) => {
      if (contract === undefined || contract === offered) return true
      let answer = known.get(contract)
      if (answer === undefined) {
        answer = deps.offers(contract, method)
        if (answer !== undefined) known.set(contract, answer)
      }
      if (answer === true) offered = contract
      return answer !== false
    }
  }

  /** Looked at anew only when the nodes of the service changed: the view replaces its arrays. */
  function wayOf(plan: Plan, nodes: readonly NodeInfo[]): Plan['way'] {
    if (plan.nodes === nodes) return plan.way
    plan.nodes = nodes
    plan.here = deps.direct === true && isPlain(plan.policy) ? here(nodes, plan.offers) : undefined
    if (nodes.length === 0 || nodes.some((node) => node.protocols.includes('rpc') && plan.offers(node))) {
      plan.way = 'rpc'
    } else {
      plan.way = nodes.some((node) => node.contract === undefined && node.protocols.includes('http'))
        ? 'http'
        : 'nobody'
    }
    return plan.way
  }

  function here(nodes: readonly NodeInfo[], offers: (node: NodeInfo) => boolean): RpcHandler | undefined {
    const node = nodes.find((it) => !it.draining && deps.local?.(it.id) !== undefined && offers(it))
    return node && deps.local?.(node.id)
  }

  function begin(
    ref: MethodRef,
    input: unknown,
    options: CallOptions | undefined,
    context: CallContext | undefined,
  ): Promise<unknown> {
    const plan = planOf(ref)
    const nodes = deps.view.nodes(ref.service)
    const way = wayOf(plan, nodes)
    if (way !== 'rpc') {
      const overHttp = way === 'http' ? deps.overHttp(ref, input, options ?? {}, context) : undefined
      if (overHttp === undefined) throw unimplemented(ref, nodes)
      return overHttp()
    }
    const leftMs = context === undefined ? Number.POSITIVE_INFINITY : context.leftMs()
    const policy = callPolicy(plan.policy, options, leftMs, ref)
    const named = options?.node
    const offers = named === undefined ? plan.offers : only(named, ref, nodes, plan.offers)
    const own = options?.signal
    const inherited = context?.signal
    if (own?.aborted || inherited?.aborted) throw cancelled(ref)
    const here = named === undefined ? plan.here : undefined
    if (here === undefined) return throughMesh(ref, input, plan, policy, offers, context, own, inherited)
    const call = new DirectCall(deps, ref, input, policy.timeoutMs, context, plan.observer)
    const answer = call.send(here)
    // A node that refuses has run nothing: the mesh finds another.
    if (answer === undefined) return throughMesh(ref, input, plan, policy, offers, context, own, inherited)
    if (call.waits && (own ?? inherited) !== undefined) cancelUpon(own, inherited, call, ref)
    return answer
  }

  function throughMesh(
    ref: MethodRef,
    input: unknown,
    plan: Plan,
    policy: Policy,
    offers: (node: NodeInfo) => boolean,
    context: CallContext | undefined,
    own: AbortSignal | undefined,
    inherited: AbortSignal | undefined,
  ): Promise<unknown> {
    const call = new TypedCall(deps, ref, input, plan, policy, offers, context)
    const answer = settledBy(call)
    if ((own ?? inherited) !== undefined) cancelUpon(own, inherited, call, ref)
    call.send()
    return answer
  }

  return {
    call(ref, input, options, context) {
      try {
        return begin(ref, input, options, context)
      } catch (thrown) {
        return Promise.reject(thrown)
      }
    },
    update() {
      plans = new WeakMap()
    },
  }
}

interface Cancellable {
  /** Called once it is settled. */
  settled: (() => void) | undefined
  cancel(error: GomsError): void
}

/** Any of both signals ends the call, as long as it is not settled. */
function cancelUpon(
  own: AbortSignal | undefined,
  inherited: AbortSignal | undefined,
  call: Cancellable,
  ref: MethodRef,
): void {
  const onAbort = (): void => call.cancel(cancelled(ref))
  // A handler of this process may have aborted it itself.
  if (own?.aborted || inherited?.aborted) {
    onAbort()
    return
  }
  own?.addEventListener('abort', onAbort)
  inherited?.addEventListener('abort', onAbort)
  call.settled = () => {
    own?.removeEventListener('abort', onAbort)
    inherited?.removeEventListener('abort', onAbort)
  }
}

/** Only the node of that id or name. */
function only(
  wanted: string,
  ref: MethodRef,
  nodes: readonly NodeInfo[],
  offers: (node: NodeInfo) => boolean,
): (node: NodeInfo) => boolean {
  const is = (node: NodeInfo): boolean => node.id === wanted || node.name === wanted
  if (!nodes.some(is)) {
    const known = nodes.length === 0 ? 'none is registered' : `registered are ${nodes.map((it) => it.name).join(', ')}`
    throw new GomsError('UNAVAILABLE', `${ref.service}.${ref.method}: there is no node "${wanted}" (${known})`)
  }
  return (node) => is(node) && offers(node)
}

function unimplemented({ service, method }: MethodRef, nodes: readonly NodeInfo[]): GomsError {
  const speaking = nodes.filter((node) => node.protocols.includes('rpc')).length
  const why =
    speaking === 0
      ? `its ${nodes.length} nodes speak HTTP only, and no route is configured for it`
      : `none of its ${nodes.length} nodes offers it`
  return new GomsError('UNIMPLEMENTED', `${service}.${method}: ${why}`)
}

function cancelled({ service, method }: Pick<MethodRef, 'service' | 'method'>): GomsError {
  return new GomsError('CANCELLED', `${service}.${method}: the caller gave up`)
}
