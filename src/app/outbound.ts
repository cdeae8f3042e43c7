/** Calls to other services for code that runs in this process: the mesh's HTTP caller with the routes that are in force. */
import type { Clock } from '../core/clock.ts'
import type { Settings } from '../core/options.ts'
import type { Running } from '../core/running.ts'
import { affinityOf } from '../gateway/outbound-call.ts'
import { createRouteTable, type RouteTable } from '../gateway/routes.ts'
import { createHttpCaller, type HttpCaller } from '../mesh/http-call.ts'
import { balanceOf } from '../mesh/mesh.ts'
import { callContext } from '../service/context.ts'
import type { Cluster } from './cluster.ts'

export interface Outbound {
  readonly fetchAction: Running['fetchAction']
  update(settings: Settings): void
  close(): void
}

/** Table and caller are made by the first call: most services make none. */
export function createOutbound(cluster: Cluster, initial: Settings, caller: string, clock: Clock): Outbound {
  let settings = initial
  let routes: RouteTable | undefined
  let opening: Promise<HttpCaller> | undefined

  async function open(): Promise<HttpCaller> {
    const table = createRouteTable(cluster.registry.view, [], { settings })
    routes = table
    return createHttpCaller({
      dispatcher: cluster.mesh,
      upstream: await cluster.upstream(),
      route: (service, action) => table.find(service, action),
      context: callContext,
      callKey: cluster.callKey,
      caller,
      clock,
      idleTimeoutMs: () => settings.gateway.idleTimeoutMs,
      affinity: (service, headers, search) => affinityOf(balanceOf(settings.balance, service), headers, search),
    })
  }

  return {
    async fetchAction(service, action, request) {
      opening ??= open()
      return (await opening)(service, action, request)
    },
    update(changed) {
      settings = changed
      routes?.update({ settings })
    },
    close() {
      routes?.close()
    },
  }
}
