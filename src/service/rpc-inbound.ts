/** The way in of one service for RPC: takes requests from a listener, or from callers in this process, to its handlers. */
import { randomBytes } from 'node:crypto'
import type { Method } from '../contract/method.ts'
import type { Clock } from '../core/clock.ts'
import type { CallContext } from '../core/context.ts'
import { CALL_CODES, GomsError, isCallCode } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Failing, ObserveServed, ServedObserver } from '../core/observe.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import type { RpcFault, RpcHandler, RpcReceived, RpcResponder } from '../transport/rpc.ts'
import { textCheck } from './call-key.ts'
import { type ContextDeps, createContexts } from './handler-context.ts'
import { Intake } from './intake.ts'
import { type Denial, NO_METHOD } from './refusal.ts'
import { RpcCall } from './rpc-call.ts'
import { denialFault, type FaultDeps, toFault } from './rpc-fault.ts'
import { readDeadline, readMetadata } from './rpc-metadata.ts'
import { createRpcMethod, type RpcMethod } from './rpc-method.ts'
import type { ServiceDefinition } from './service.ts'
import { refuse } from './stack.ts'
import { isThenable } from './thenable.ts'

export interface RpcInboundDeps {
  readonly definition: ServiceDefinition
  /** New at each start; workers of one process share it. */
  readonly nodeId: string
  /** Name that the node is registered under. @default the definition's */
  readonly service?: string
  /** The project's shared key; undefined or empty: everybody is let in, and nobody is believed to be a caller of ours. */
  readonly callKey: string | undefined
  /** Requests without any key are let in, for Go programs that send none; nothing is believed of them. @default false */
  readonly admitGo?: boolean
  readonly log: Log
  readonly clock: Clock
  /** The clients of the definition's `uses`, for one call. */
  readonly clients?: (call: CallContext) => Readonly<Record<string, unknown>>
  /** Tells an event. @default rejects with UNIMPLEMENTED */
  readonly emit?: ContextDeps['emit']
  /** The payload codecs of a method. @default the listener's own */
  readonly codecs?: (method: string) => MethodCodecs | undefined
  /** Calls in progress over HTTP: `maxInFlight` counts both. */
  readonly alsoInFlight?: () => number
  /** Whether outputs are held against the contract's schemas. @default unless NODE_ENV is 'production' */
  readonly checksOutput?: boolean
  /** Traces are recorded: decides about those that nobody has decided about. @default none is */
  readonly sampler?: Sampler | undefined
  /** Told of all calls. @default nobody */
  readonly observe?: ObserveServed | undefined
  /** Ids of unexpected errors. @default 12 random hex digits */
  readonly newErrorId?: () => string
}

export interface RpcInbound {
  readonly handler: RpcHandler
  /** From here on calls are taken; before, they are refused as `overloaded`. */
  start(): void
  /** What arrives is served for another `serveForMs`, then refused as `draining`. A second call can only shorten it. @default 0 */
  drain(serveForMs?: number): void
  /** Handlers that have not answered. */
  inFlight(): number
  /** Resolves when nothing is in progress; at once when nothing is. */
  idle(): Promise<void>
  /** Refuses what arrives from now on. */
  close(): void
}

/** Opens nothing itself. */
export function createRpcInbound(deps: RpcInboundDeps): RpcInbound {
  const { definition, clock, log } = deps
  const service = deps.service ?? definition.name
  const check = deps.callKey ? textCheck(deps.callKey) : undefined
  const refusals = deps.observe?.(service, 'rpc', undefined)
  const callee = { clock, service, sampler: deps.sampler, timed: deps.observe !== undefined }
  const admitGo = deps.admitGo === true
  const methods = methodsOf(deps)
  const contextOf = createContexts<RpcCall>({
    log,
    uses: Object.keys(definition.uses ?? {}),
    clients: deps.clients ?? noClients,
    emit: deps.emit ?? noBroker,
  })
  const faults: FaultDeps = { log, newErrorId: deps.newErrorId ?? (() => randomBytes(6).toString('hex')) }
  const intake = new Intake({ definition, nodeId: deps.nodeId, service, clock, alsoInFlight: deps.alsoInFlight })

  /** Looked up last: callers are seldom in many methods at a time. */
  let lastName: string | undefined
  let lastMethod: RpcMethod | undefined

  function handle(received: RpcReceived, responder: RpcResponder): void {
    const from = readMetadata(received, check, admitGo)
    const deadlineMs = readDeadline(received, from)
    const method = received.service === service ? methodOf(received.method) : undefined
    const denial = refuse(from, deadlineMs, intake)
    if (denial !== undefined || method === undefined) {
      const fault = denialFault(denial ?? unknownMethod(received, service), `${service}.${received.method}`)
      const observer = method === undefined ? refusals : method.observer
      if (observer !== undefined) tell(observer, new RpcCall(received, from, callee, deadlineMs), fault)
      responder.fault(fault)
      return
    }
    intake.enter()
    const call = new RpcCall(received, from, callee, deadlineMs)
    try {
      const answer = method.run(received.input(method.codecs), contextOf(call), call)
      if (isThenable(answer)) wait(answer, method, call, responder)
      else reply(answer, method, call, responder)
    } catch (thrown) {
      fail(thrown, method, call, responder)
    }
  }

  function methodOf(name: string): RpcMethod | undefined {
    if (name !== lastName) {
      lastName = name
      lastMethod = methods.get(name)
    }
    return lastMethod
  }

  /** Apart from `handle`, so that a handler that answers at once does not pay for what is remembered here. */
  function wait(answer: PromiseLike<unknown>, method: RpcMethod, call: RpcCall, responder: RpcResponder): void {
    answer.then(
      (settled) => reply(settled, method, call, responder),
      (thrown: unknown) => fail(thrown, method, call, responder),
    )
  }

  /** Ended before the answer goes out: whoever gets it may send the next call at once. */
  function reply(output: unknown, method: RpcMethod, call: RpcCall, responder: RpcResponder): void {
    if (!end(call)) return
    try {
      responder.reply(output, method.codecs)
    } catch (thrown) {
      // An output that cannot travel is a mistake of this service, not of its caller.
      const message = thrown instanceof Error ? thrown.message : String(thrown)
      answerWith(new Error(`the output cannot travel: ${message}`, { cause: thrown }), method, call, responder)
      return
    }
    if (method.observer !== undefined) tell(method.observer, call, undefined)
  }

  function fail(thrown: unknown, method: RpcMethod, call: RpcCall, responder: RpcResponder): void {
    if (end(call)) answerWith(thrown, method, call, responder)
  }

  function answerWith(thrown: unknown, method: RpcMethod, call: RpcCall, responder: RpcResponder): void {
    const fault = toFault(thrown, failedIn(method, call), faults)
    if (method.observer !== undefined) tell(method.observer, call, fault)
    responder.fault(fault)
  }

  function tell(observer: ServedObserver, call: RpcCall, fault: RpcFault | undefined): void {
    const failing: Failing | undefined = fault ?? (call.withdrawn ? WITHDRAWN : undefined)
    observer.served(call, fault?.status ?? statusOf(failing), failing, call.startedMs, clock.now())
  }

  /** False when it has ended already: a thenable may settle twice, and a throw may follow an answer. */
  function end(call: RpcCall): boolean {
    if (call.ended) return false
    call.end()
    intake.leave()
    return true
  }

  return {
    handler: handle,
    start: () => intake.start(),
    drain: (serveForMs = 0) => intake.drain(serveForMs),
    inFlight: () => intake.inFlight,
    idle: () => intake.idle(),
    close: () => intake.close(),
  }
}

/** By their name, and with the first letter in the other case, as Go writes it; a name of the contract goes before. */
function methodsOf(deps: RpcInboundDeps): ReadonlyMap<string, RpcMethod> {
  const { definition } = deps
  const { rpc: handlers = {}, contract } = definition
  const methods = new Map<string, RpcMethod>()
  const checksOutput = deps.checksOutput ?? process.env.NODE_ENV !== 'production'
  const inherits = definition.http !== undefined && definition.ambient !== false
  for (const [name, method] of Object.entries<Method>(contract?.shape.rpc ?? {})) {
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined
    if (handler === undefined) continue
    methods.set(
      name,
      createRpcMethod({
        where: `${deps.service ?? definition.name}.${name}`,
        method,
        handler,
        codecs: deps.codecs?.(name),
        observer: deps.observe?.(deps.service ?? definition.name, 'rpc', name),
        checksOutput,
        // Where a web application has AsyncLocalStorage at work already, handlers may as well use it.
        ambient: inherits ? true : definition.ambient,
      }),
    )
  }
  for (const [name, method] of [...methods]) {
    const first = name.charAt(0)
    const other = (first === first.toUpperCase() ? first.toLowerCase() : first.toUpperCase()) + name.slice(1)
    if (!methods.has(other)) methods.set(other, method)
  }
  return methods
}

function unknownMethod(received: RpcReceived, service: string): Denial {
  if (received.service === service) return NO_METHOD
  return { ...NO_METHOD, msg: `this node serves "${service}", not "${received.service.slice(0, 80)}"` }
}

const failedIn = (
  method: RpcMethod,
  call: CallContext,
): { where: string; errors: RpcMethod['errors']; traceId: string } => ({
  where: method.where,
  errors: method.errors,
  traceId: call.traceId,
})

/** Its answer is for nobody. */
const WITHDRAWN: Failing = { code: 'CANCELLED', message: 'the caller went away' }

function statusOf(failing: Failing | undefined): number {
  if (failing === undefined) return 200
  return isCallCode(failing.code) ? CALL_CODES[failing.code].status : 500
}

const noClients = (): Readonly<Record<string, unknown>> => {
  throw new GomsError('FAILED_PRECONDITION', 'uses: this process makes no calls to other services')
}

const noBroker = async (event: string): Promise<void> => {
  throw new GomsError('UNIMPLEMENTED', `emit "${event}": this process emits none`)
}
