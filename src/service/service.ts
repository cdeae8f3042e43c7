/** A service as its author writes it: plain data. Importing a service file opens no port; `serve` and `goms start` do. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ClientsOf } from '../contract/client.ts'
import { contract as contractOf, isContract } from '../contract/contract.ts'
import type { HandlerContext, HandlersOf, ReservedName, SubscriptionsOf } from '../contract/handler.ts'
import { type Method, rpc } from '../contract/method.ts'
import type { Contract, RpcOf, Usables } from '../contract/shape.ts'
import { checkName } from '../core/name.ts'
import { checkEvents, type EventOptions } from './event-options.ts'
import { checkHandlers, checkMaxInFlight, checkUses } from './service-check.ts'
import type { WebAppSource } from './web-app.ts'

export interface ServiceOptions {
  /**
   * An Express, Fastify, Koa, Hono or NestJS application, an `http.Server`, `(req, res) => …`, or a function without
   * parameters that returns one of them (or a promise of one) and is called when the service starts.
   * Applications are never told to listen.
   */
  readonly http?: WebAppSource
  /** Takes WebSocket and other upgrades itself; goes before handlers of the application's own. */
  readonly upgrade?: (req: IncomingMessage, socket: Duplex, head: Buffer) => void
  /**
   * Called once at start with an `http.Server` that gets every request and upgrade of the service and never listens:
   * for libraries that want to be attached to a server (`new WebSocketServer({ server })`, socket.io).
   */
  readonly attach?: (server: Server) => void | Promise<void>
  /** Calls in progress, HTTP and RPC together, above which new ones are refused as `overloaded`, 1 to 1000000. @default no limit */
  readonly maxInFlight?: number
  /**
   * Whether `callContext()` finds the call without being given the request. `false` saves the cost of
   * AsyncLocalStorage; `callContext(req)` and the context of RPC handlers work all the same. @default true for web
   * applications; RPC handlers are entered once the process has asked for it, `true` enters them always
   */
  readonly ambient?: boolean
  /** How events reach the handlers of `on`. */
  readonly events?: EventOptions
  /** Shown in the registry and used by routes with `select.version`. */
  readonly version?: string
}

/** Options of a service with a contract. */
export type ContractServiceOptions<C extends Contract, Uses extends Usables> = ServiceOptions &
  RpcPart<C, Uses> & {
    /**
     * What handlers use, under the names that they find it by in their context: contracts of other services, each a typed
     * client there, and components (`component()`), each its value. Components start in this order, before the service does.
     */
    readonly uses?: Uses & { readonly [Name in ReservedName]?: never }
    /**
     * Handlers of events, by key of `uses`. Each event is delivered to one node of this service, at least once; a handler
     * that throws gets it again. Over RabbitMQ where `amqpAddr` is configured.
     */
    readonly on?: SubscriptionsOf<C, Uses>
  }

/** `rpc` is owed as soon as the contract has a method. */
type RpcPart<C extends Contract, Uses extends Usables> = keyof RpcOf<C> extends never
  ? { readonly rpc?: undefined }
  : { readonly rpc: HandlersOf<C, Uses> }

/** A handler of the shorthand without a contract: the types of its input and answer become the contract. */
export type InlineHandler<Uses extends Usables = Record<never, never>> = (
  input: never,
  context: HandlerContext & ClientsOf<Uses>,
) => unknown

type InlineHandlers<Uses extends Usables> = Readonly<Record<string, InlineHandler<Uses>>>

/** Options of a service that is given by its name. */
export interface InlineServiceOptions<Handlers, Uses extends Usables> extends ServiceOptions {
  /** Its methods; the contract is made of them. None of them can be reached from outside. */
  readonly rpc?: Handlers
  readonly uses?: Uses & { readonly [Name in ReservedName]?: never }
}

/** Options of a service that handles events and has no methods, given by its name. */
export interface ListenerOptions<Uses extends Usables> extends ServiceOptions {
  readonly uses: Uses & { readonly [Name in ReservedName]?: never }
  /** Handlers of events, by key of `uses`; see the same option of a service with a contract. */
  readonly on: SubscriptionsOf<Contract<string, Record<never, never>>, Uses>
}

/** The contract that the shorthand makes of handlers. */
export type InlineContract<Name extends string, Handlers> = Contract<
  Name,
  { readonly rpc: { readonly [M in keyof Handlers]: InlineMethod<Handlers[M]> } }
>

type InlineMethod<H> = H extends (input: infer Input, ...rest: never[]) => infer Output
  ? Method<unknown extends Input ? void : Input, Input, Awaited<Output>, unknown>
  : never

/** A handler as the run time calls it. */
export type RpcMethodHandler = (input: never, context: never) => unknown

/** What `service()` returns. */
export interface ServiceDefinition<C extends Contract = Contract> extends ServiceOptions {
  readonly kind: 'service'
  readonly name: string
  readonly contract?: C
  /** Handlers by method. */
  readonly rpc?: Readonly<Record<string, RpcMethodHandler>>
  readonly uses?: Usables
  /** Handlers of events, by key of `uses` and event. */
  readonly on?: Readonly<Record<string, Readonly<Record<string, RpcMethodHandler>> | undefined>>
}

/** A service whose contract is certain. */
export interface ContractedService<C extends Contract = Contract> extends ServiceDefinition<C> {
  readonly contract: C
}

/**
 * Defines a service by its contract: a handler for each of its methods, and the contracts that it uses itself.
 * @throws GomsError GOMS_OPTION_INVALID for a missing or unknown handler, GOMS_NAME_INVALID
 */
export function service<C extends Contract, Uses extends Usables = Record<never, never>>(
  contract: C,
  options: ContractServiceOptions<C, Uses>,
): ContractedService<C>
/**
 * Defines a service by its name, with methods in the shortest form: the types of the handlers are the contract.
 * @throws GomsError GOMS_NAME_INVALID, GOMS_OPTION_INVALID
 */
export function service<
  const Name extends string,
  Handlers extends InlineHandlers<Uses>,
  Uses extends Usables = Record<never, never>,
>(
  name: Name,
  options: InlineServiceOptions<Handlers, Uses> & { readonly rpc: Handlers },
): ContractedService<InlineContract<Name, Handlers>>
/**
 * Defines a service that handles events of others, by its name.
 * @throws GomsError GOMS_NAME_INVALID, GOMS_OPTION_INVALID
 */
export function service<Uses extends Usables>(name: string, options: ListenerOptions<Uses>): ServiceDefinition
/** Defines a service without methods: a web application under a name. */
export function service(name: string, options?: ServiceOptions): ServiceDefinition
export function service(named: string | Contract, given: object = {}): ServiceDefinition {
  const options: ServiceOptions & Pick<ServiceDefinition, 'rpc' | 'uses' | 'on'> = given
  const name = isContract(named) ? named.name : checkName('service', named)
  checkMaxInFlight(options.maxInFlight)
  checkUses(name, options.uses ?? {}, options.on ?? {})
  checkEvents(name, options.events ?? {})
  if (isContract(named)) {
    checkHandlers(named, options.rpc ?? {})
    return { ...options, kind: 'service', name, contract: named }
  }
  if (options.rpc === undefined) return { ...options, kind: 'service', name }
  const methods = Object.fromEntries(Object.keys(options.rpc).map((method) => [method, rpc()]))
  const made = contractOf(name, { rpc: methods })
  checkHandlers(made, options.rpc)
  return { ...options, kind: 'service', name, contract: made }
}
