/** Calls to other services for the code of one service: over RPC and HTTP, with the routes and policies that are in force. */
import { fromDocument, methodOptionsOf, type RpcMethodDocument } from '../contract/contract.ts'
import type { CallContext } from '../core/context.ts'
import type { RouteOptions, Settings } from '../core/options.ts'
import type { CallOptions, MethodOptions, MethodRef } from '../core/rpc-client.ts'
import type { ActionRequest } from '../core/running.ts'
import { belowActiveSpan } from '../core/trace-bridge.ts'
import { affinityOf } from '../gateway/outbound-call.ts'
import { createRouteTable, type RouteTable } from '../gateway/routes.ts'
import { createHttpCaller, type HttpCaller } from '../mesh/http-call.ts'
import { balanceOf } from '../mesh/mesh.ts'
import { createRpcCaller, type RpcCaller } from '../mesh/rpc-call.ts'
import { callOverHttp } from '../mesh/rpc-over-http.ts'
import { methodPolicy } from '../mesh/rpc-policy.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import { callContext } from '../service/context.ts'
import type { Cluster } from './cluster.ts'

export interface Outbound {
  fetchAction(service: string, action: string, request: ActionRequest): Promise<Response>
  /** @param within the call in progress that this one is part of. @default the one that the running code belongs to */
  callMethod(
    ref: MethodRef,
    input: unknown,
    options: CallOptions | undefined,
    within?: CallContext | undefined,
  ): Promise<unknown>
  update(settings: Settings): void
  close(): void
}

/** Table and callers are made by the first call: most services make none. */
export function createOutbound(cluster: Cluster, initial: Settings, caller: string): Outbound {
  const { view } = cluster.registry
  let settings = initial
  let table: RouteTable | undefined
  let http: Promise<HttpCaller> | undefined
  let rpc: RpcCaller | undefined
  let opening: Promise<RpcCaller> | undefined

  function routes(): RouteTable {
    table ??= createRouteTable(view, [], settings)
    return table
  }

  async function openHttp(): Promise<HttpCaller> {
    return createHttpCaller({
      dispatcher: cluster.mesh,
      upstream: await cluster.upstream(),
      route: (service, action) => routes().find(service, action),
      context: () => belowActiveSpan(callContext()),
      callKey: cluster.callKey,
      caller,
      clock: cluster.callClock,
      sampler: cluster.sampler,
      formats: settings.trace.propagate,
      idleTimeoutMs: () => settings.gateway.idleTimeoutMs,
      affinity: (service, headers, search) => affinityOf(balanceOf(settings.balance, service), headers, search),
    })
  }

  function callHttp(): Promise<HttpCaller> {
    http ??= openHttp()
    return http
  }

  async function openRpc(): Promise<RpcCaller> {
    const { createMethodCodecs } = await import('../rpcx/learning-codec.ts')
    // Kept over changes of the settings: what they have learnt of a method stays true.
    const learnt = new Map<string, MethodCodecs>()
    const codecsOf = (name: string): MethodCodecs => {
      const known = learnt.get(name) ?? createMethodCodecs()
      learnt.set(name, known)
      return known
    }
    rpc = createRpcCaller({
      dispatcher: cluster.mesh,
      upstream: await cluster.rpcUpstream(),
      callKey: cluster.callKey,
      local: (nodeId) => cluster.local.get(nodeId),
      view,
      policy: ({ service, method, options }) =>
        methodPolicy(settings.policy, routeOf(settings, service, method), options ?? advertised(service, method)),
      codecs: (service, method) => codecsOf(`${service}.${method}`),
      offers: (hash, method) => {
        const document = view.contract(hash)
        return document === undefined ? undefined : rpcOf(document, method) !== undefined
      },
      overHttp(ref, input, options, context) {
        const route = routes().find(ref.service, ref.method)
        if (route === undefined) return undefined
        return async () => callOverHttp(await callHttp(), ref, route.methods, input, options, context)
      },
      caller,
      clock: cluster.callClock,
      sampler: cluster.sampler,
      formats: settings.trace.propagate,
      direct: cluster.direct,
      observer: (service, method) => cluster.mesh.observer(service, method),
    })
    return rpc
  }

  /** What a live contract says, for callers that were compiled without one. */
  function advertised(service: string, method: string): MethodOptions | undefined {
    for (const node of view.nodes(service)) {
      const found = node.contract === undefined ? undefined : rpcOf(view.contract(node.contract), method)
      if (found !== undefined) return methodOptionsOf(found)
    }
    return undefined
  }

  return {
    async fetchAction(service, action, request) {
      return (await callHttp())(service, action, request)
    },
    callMethod(ref, input, options, call = callContext()) {
      const within = belowActiveSpan(call)
      if (rpc !== undefined) return rpc.call(ref, input, options, within)
      opening ??= openRpc()
      return opening.then((opened) => opened.call(ref, input, options, within))
    },
    update(changed) {
      settings = changed
      table?.update(settings)
      rpc?.update()
    },
    close() {
      table?.close()
    },
  }
}

function routeOf(settings: Settings, service: string, method: string): RouteOptions | undefined {
  const ofService = Object.hasOwn(settings.routes, service) ? settings.routes[service] : undefined
  return ofService && Object.hasOwn(ofService, method) ? ofService[method] : undefined
}

/** Documents as they were read: each is asked for its methods with every pick. */
const read = new WeakMap<object, ReturnType<typeof fromDocument>>()

function rpcOf(document: unknown, method: string): RpcMethodDocument | undefined {
  if (typeof document !== 'object' || document === null) return undefined
  if (!read.has(document)) read.set(document, fromDocument(document))
  const methods = read.get(document)?.rpc
  return methods && Object.hasOwn(methods, method) ? methods[method] : undefined
}
