/** The way in of one service for events: takes deliveries from a broker to its handlers, and says what becomes of them. */
import { isContract } from '../contract/contract.ts'
import type { Event } from '../contract/event.ts'
import type { Clock } from '../core/clock.ts'
import type { CallContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { ObserveServed } from '../core/observe.ts'
import type { Broker, Delivery, Subscription, Verdict } from '../events/broker.ts'
import { HANDLED, RETRY_WAITS_MS, verdictOn } from '../events/verdict.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import { EventCall } from './event-call.ts'
import { type ContextDeps, createContexts } from './handler-context.ts'
import { createRpcMethod, type RpcMethod } from './rpc-method.ts'
import type { ServiceDefinition } from './service.ts'
import { isThenable } from './thenable.ts'

export interface EventInboundDeps {
  readonly definition: ServiceDefinition
  readonly broker: Broker
  readonly log: Log
  readonly clock: Clock
  readonly clients: (call: CallContext) => Readonly<Record<string, unknown>>
  readonly emit: ContextDeps['emit']
  readonly sampler?: Sampler | undefined
  /** Told of all deliveries. @default nobody */
  readonly observe?: ObserveServed | undefined
}

export interface EventInbound {
  /** From here on events are taken. */
  start(): Promise<void>
  /** Takes no more. */
  drain(): void
  /** Handlers at work. */
  inFlight(): number
  /** Once it drains: resolves when what was taken is handled. */
  idle(): Promise<void>
  /** What is not handled goes back to the broker. */
  close(): Promise<void>
}

const CONCURRENCY = 64
const TIMEOUT_MS = 60_000

export function createEventInbound(deps: EventInboundDeps): EventInbound {
  const { definition, broker, log, clock } = deps
  const service = definition.name
  const { concurrency = CONCURRENCY, retryWaitsMs = RETRY_WAITS_MS, timeoutMs = TIMEOUT_MS } = definition.events ?? {}
  const callee = { service, clock, sampler: deps.sampler, timed: deps.observe !== undefined }
  const handlers = handlersOf(deps)
  const uses = Object.keys(definition.uses ?? {})
  const { clients, emit } = deps
  const contextOf = createContexts<EventCall>({ log, uses, clients, emit }, { event: (call) => call.event })
  let inFlight = 0
  let subscription: Subscription | undefined
  let drained: Promise<void> = Promise.resolve()

  function handle(delivery: Delivery): Verdict | Promise<Verdict> {
    inFlight++
    const { expiresAtMs } = delivery
    const leftMs = expiresAtMs === undefined ? timeoutMs : Math.min(timeoutMs, expiresAtMs - clock.wallMs())
    const call = new EventCall(delivery, callee, leftMs)
    const handler = handlers.get(delivery.name)
    try {
      if (leftMs <= 0) throw expired(delivery)
      const answer = run(handler, delivery, call)
      if (isThenable(answer)) return settled(answer, handler, delivery, call)
    } catch (thrown) {
      return failed(thrown, handler, delivery, call)
    }
    return handled(handler, call)
  }

  function run(handler: RpcMethod | undefined, delivery: Delivery, call: EventCall): unknown {
    const most = retryWaitsMs.length + 1
    // One more than any handler that failed gets: its handlers did not come to an end at all.
    if (delivery.delivery > most) throw new Lost(`its handlers, or their processes, ended ${most} times without a word`)
    if (handler === undefined) {
      // Nodes of another version may have one.
      throw new GomsError('UNIMPLEMENTED', `${service}: this node has no handler for "${delivery.name}"`)
    }
    return handler.run(parse(delivery), contextOf(call), call)
  }

  /** At its end, or when its time is over: then it is given up, whatever it still does. */
  function settled(
    answer: PromiseLike<unknown>,
    handler: RpcMethod | undefined,
    delivery: Delivery,
    call: EventCall,
  ): Promise<Verdict> {
    return new Promise((resolve) => {
      const fail = (thrown: unknown): void => {
        timer.cancel()
        if (!call.ended) resolve(failed(thrown, handler, delivery, call))
      }
      const timer = clock.after(timeoutMs, () => {
        const late = new GomsError('DEADLINE_EXCEEDED', `its handler took over ${timeoutMs} ms`)
        call.abort(late)
        fail(late)
      })
      answer.then(() => {
        timer.cancel()
        if (!call.ended) resolve(handled(handler, call))
      }, fail)
    })
  }

  function handled(handler: RpcMethod | undefined, call: EventCall): Verdict {
    end(call)
    tell(handler, call, undefined)
    return HANDLED
  }

  function failed(thrown: unknown, handler: RpcMethod | undefined, delivery: Delivery, call: EventCall): Verdict {
    end(call)
    tell(handler, call, thrown)
    return judged(thrown, delivery, call)
  }

  function end(call: EventCall): void {
    call.end()
    inFlight--
  }

  function judged(thrown: unknown, delivery: Delivery, call: EventCall): Verdict {
    const verdict =
      thrown instanceof Lost
        ? ({ kind: 'dead', reason: thrown.message } as const)
        : thrown instanceof Expired
          ? HANDLED
          : verdictOn(thrown, delivery.delivery, retryWaitsMs)
    const fields = { traceId: call.traceId, eventId: delivery.id }
    const what = `event ${delivery.name} failed (delivery ${delivery.delivery} of ${retryWaitsMs.length + 1})`
    if (verdict.kind === 'again') log.warn(`${what}, again in ${verdict.afterMs} ms: ${verdict.reason}`, fields)
    else if (verdict.kind === 'dead')
      log.error(`${what}, it is among the dead letters: ${verdict.reason}`, { ...fields, err: thrown })
    else log.debug(`event ${delivery.name}: it expired before it was handled`, fields)
    return verdict
  }

  function tell(handler: RpcMethod | undefined, call: EventCall, thrown: unknown): void {
    if (handler?.observer === undefined) return
    const error = thrown === undefined ? undefined : GomsError.from(thrown)
    const failing = error && { code: error.code, message: error.message }
    handler.observer.served(call, error?.status ?? 200, failing, call.startedMs, clock.now())
  }

  return {
    async start() {
      const names = [...handlers.keys()]
      subscription = await broker.subscribe({ service, names, concurrency, retryWaitsMs }, handle)
    },
    drain() {
      if (subscription !== undefined) drained = subscription.drain()
      // Whoever waits for the end is told; until then nobody is.
      drained.catch(() => {})
    },
    inFlight: () => inFlight,
    idle: () => drained,
    async close() {
      await subscription?.close()
    },
  }
}

/** Its time was over before anybody had it. */
class Expired extends GomsError {}

/** Whatever handles it ends with it. */
class Lost extends Error {}

function expired({ expiresAtMs }: Delivery): Expired {
  return new Expired('DEADLINE_EXCEEDED', `it expired at ${new Date(expiresAtMs ?? 0).toISOString()}`)
}

function parse(delivery: Delivery): unknown {
  try {
    return delivery.payload()
  } catch (cause) {
    throw new GomsError('INVALID_ARGUMENT', `event ${delivery.name}: it is no JSON: ${String(cause)}`, { cause })
  }
}

/** By the names of events. */
function handlersOf({ definition, observe }: EventInboundDeps): ReadonlyMap<string, RpcMethod> {
  const handlers = new Map<string, RpcMethod>()
  for (const [key, subscribed] of Object.entries(definition.on ?? {})) {
    const contract = definition.uses?.[key]
    if (!isContract(contract)) continue
    const events: Readonly<Record<string, Event>> = contract.shape.events ?? {}
    for (const [event, handler] of Object.entries(subscribed ?? {})) {
      const name = `${contract.name}.${event}`
      handlers.set(
        name,
        createRpcMethod({
          where: name,
          method: { kind: 'rpc', input: events[event]?.schema },
          handler,
          codecs: undefined,
          observer: observe?.(definition.name, 'event', name),
          checksOutput: false,
          ambient: definition.ambient,
        }),
      )
    }
  }
  return handlers
}
