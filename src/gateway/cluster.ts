/** The page `/cluster` as the original showed it, field for field. */

import { isPrivateAddress } from '../http/cidr.ts'
import type { Fields } from '../http/fields.ts'
import type { View } from '../registry/registry.ts'

export interface ClusterStats {
  /** Index that round robin takes next. */
  readonly pollNext: number
  /** Calls that a node answered. */
  readonly requestFinish: number
}

/** The numbers of several processes that are one gateway. */
export interface GatheredStats {
  of(service: string): ClusterStats
  /** Some of them did not answer in time: what is missing is as it was last heard. */
  readonly partial: boolean
}

/** Round robin of several beside each other goes on as if one had made all the turns. */
export function sumStats(all: readonly ClusterStats[], nodes: number): ClusterStats {
  let turns = 0
  let requestFinish = 0
  for (const stats of all) {
    turns += stats.pollNext
    requestFinish += stats.requestFinish
  }
  return { pollNext: nodes === 0 ? 0 : turns % nodes, requestFinish }
}

/** The page as JSON: services by name, `Nodes` by key; a service whose last node left stays, empty. `partial` is said only when it is so. */
export function clusterPage(view: View, stats: (service: string) => ClusterStats, partial = false): string {
  // Written piece by piece: an object would put names like "1" before the others, and `__proto__` nowhere.
  const services = [...view.services()].sort().map((service) => {
    const { pollNext, requestFinish } = stats(service)
    const nodes = view.nodes(service).map((node) => node.name)
    return `${JSON.stringify(service)}:${JSON.stringify({ PollNext: pollNext, Nodes: nodes, RequestFinish: requestFinish })}`
  })
  return `{"services":{${services.join(',')}},"status":true${partial ? ',"partial":true' : ''}}`
}

const FORWARDING = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'forwarded', 'x-real-ip', 'via']

/** Whether a request comes from nearby itself: a private address, and not through a proxy that may stand for anyone. */
export function isFromNearby(remoteAddress: string, fields: Fields): boolean {
  return isPrivateAddress(remoteAddress) && FORWARDING.every((name) => fields.get(name) === undefined)
}
