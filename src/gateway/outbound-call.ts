/** A call as the gateway makes it from an admitted request: what the dispatcher sees. */
import type { Call } from '../core/call.ts'
import type { TraceContext } from '../core/context.ts'
import type { Deadline } from '../core/deadline.ts'
import type { NodeInfo, Transport } from '../core/node.ts'
import type { BalanceOptions, Policy } from '../core/options.ts'
import type { Route } from './route.ts'

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

export interface OutboundFacts {
  readonly route: Route
  readonly method: string
  readonly hasIdempotencyKey: boolean
  readonly deadline: Deadline
  readonly trace: TraceContext
  readonly caller: string
  readonly identity: unknown
  readonly affinity: string | undefined
}

export class OutboundCall implements Call {
  readonly transport: Transport
  readonly service: string
  readonly action: string
  readonly policy: Policy
  readonly idempotent: boolean
  readonly deadline: Deadline
  readonly trace: TraceContext
  readonly caller: string
  readonly identity: unknown
  /** Calls from outside are nobody's repetition: what they say of it is not believed. */
  readonly hopAttempt = 1
  readonly affinity: string | undefined
  readonly offers: ((node: NodeInfo) => boolean) | undefined

  constructor(facts: OutboundFacts) {
    const { route } = facts
    this.transport = route.type
    this.service = route.service
    this.action = route.action
    this.policy = route.policy
    this.idempotent = isIdempotent(route, facts.method, facts.hasIdempotencyKey)
    this.deadline = facts.deadline
    this.trace = facts.trace
    this.caller = facts.caller
    this.identity = facts.identity
    this.affinity = facts.affinity
    this.offers = route.offers
  }
}

/** By the method (RFC 9110 §9.2.2, without PUT and DELETE: many services get those wrong), unless the route says more. */
export function isIdempotent(route: Route, method: string, hasIdempotencyKey: boolean): boolean {
  const byKey = route.idempotencyKey && hasIdempotencyKey
  // How a method of RPC is exposed says nothing of what it does.
  if (route.type === 'rpc') return route.idempotent === true || byKey
  if (route.idempotent !== undefined) return route.idempotent
  return IDEMPOTENT.has(method) || byKey
}

/** The value that consistent hashing goes by: of a header, a cookie or a query parameter; undefined for other balancers. */
export function affinityOf(
  balance: BalanceOptions,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  query: string,
): string | undefined {
  if (typeof balance === 'string') return undefined
  const { header, cookie, query: parameter } = balance.hash
  if (header !== undefined) {
    const value = headers[header.toLowerCase()]
    return Array.isArray(value) ? value.join(', ') : value
  }
  if (cookie !== undefined) return cookieOf(headers.cookie, cookie)
  if (parameter !== undefined) return new URLSearchParams(query).get(parameter) ?? undefined
  return undefined
}

function cookieOf(header: string | string[] | undefined, name: string): string | undefined {
  if (typeof header !== 'string') return undefined
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}
