/** A call as the gateway makes it from an admitted request: what the dispatcher sees. */
import type { Call } from '../core/call.ts'
import type { TraceContext, TraceWords } from '../core/context.ts'
import type { Deadline } from '../core/deadline.ts'
import type { NodeInfo, Transport } from '../core/node.ts'
import type { BalanceOptions, Policy, Settings } from '../core/options.ts'
import type { InboundRequest } from './inbound-request.ts'
import type { Route } from './route.ts'

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

export class OutboundCall implements Call {
  readonly transport: Transport
  readonly service: string
  readonly action: string
  readonly policy: Policy
  readonly idempotent: boolean
  readonly deadline: Deadline
  readonly traceWords: TraceWords | undefined
  readonly attemptSpans: 'below' | undefined
  readonly caller: string
  readonly identity: unknown
  /** Calls from outside are nobody's repetition: what they say of it is not believed. */
  readonly hopAttempt = 1
  readonly affinity: string | undefined
  readonly offers: ((node: NodeInfo) => boolean) | undefined
  readonly #request: InboundRequest

  /** @param caller the gateway's name */
  constructor(request: InboundRequest, route: Route, deadline: Deadline, caller: string) {
    const { exchange, settings } = request
    this.#request = request
    this.transport = route.type
    this.service = route.service
    this.action = route.action
    this.policy = route.policy
    const hasKey = route.idempotencyKey && exchange.fields.get('idempotency-key') !== undefined
    this.idempotent = isIdempotent(route, exchange.method, hasKey)
    this.deadline = deadline
    this.traceWords = request.traceWords
    this.attemptSpans = request.traced ? 'below' : undefined
    this.caller = caller
    this.identity = request.identity ?? undefined
    this.affinity = affinityFor(settings.balance, route.service, request)
    this.offers = route.offers
  }

  get trace(): TraceContext {
    return this.#request.trace
  }

  get requestId(): string | undefined {
    return this.#request.givenId
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

function affinityFor(balance: Settings['balance'], service: string, request: InboundRequest): string | undefined {
  const rule = Object.hasOwn(balance.services, service) ? balance.services[service] : undefined
  const { fields } = request.exchange
  return affinityBy(rule ?? balance.default, fields, request.target.query)
}

/** The value that consistent hashing goes by: of a header, a cookie or a query parameter; undefined for other balancers. */
export function affinityOf(
  balance: BalanceOptions,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  query: string,
): string | undefined {
  const get = (name: string): string | undefined => {
    const value = headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  return affinityBy(balance, { get }, query)
}

function affinityBy(
  balance: BalanceOptions,
  headers: { get(lowerCaseName: string): string | undefined },
  query: string,
): string | undefined {
  if (typeof balance === 'string') return undefined
  const { header, cookie, query: parameter } = balance.hash
  if (header !== undefined) return headers.get(header.toLowerCase())
  if (cookie !== undefined) return cookieOf(headers.get('cookie'), cookie)
  if (parameter !== undefined) return new URLSearchParams(query).get(parameter) ?? undefined
  return undefined
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}
