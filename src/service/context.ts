/** The context of the call that a web application is serving: from the request itself, or from wherever it is asked for. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { isAmbientWanted, wantAmbient } from '../core/ambient.ts'
import type { CallContext } from '../core/context.ts'
import { type TraceBridge, traceBridge } from '../core/trace-bridge.ts'

const contexts = new WeakMap<object, CallContext>()
const ambient = new AsyncLocalStorage<AmbientContext | undefined>()

/** The call whose RPC handler is running right now, up to its first `await`, without AsyncLocalStorage. */
let running: AmbientContext | undefined
/** `running` was moved into AsyncLocalStorage, because something asked for it. */
let moved = false

/** What AsyncLocalStorage holds: the call, and what remains of it once it is over. */
export interface AmbientContext {
  /** Name of the service that serves the call. */
  readonly service: string | undefined
  readonly ended: boolean
  readonly call: CallContext
  /** The trace alone: no deadline, signal, caller or identity. */
  readonly link: CallContext
}

/**
 * The context of a call: trace id, caller, identity, attempt, milliseconds left, and the signal that aborts when the
 * caller goes away or the deadline is over.
 *
 * With a request (node's own, or Express', Koa's, Fastify's, Nest's or Hono's wrapper of it) it is looked up without any
 * cost elsewhere. Without one it is the call that the running code belongs to; once that call has ended, what was started
 * in it sees its trace only, so that an interval does not inherit a deadline for ever. Undefined outside of calls.
 */
export function callContext(request?: object): CallContext | undefined {
  if (request !== undefined) return ofRequest(request)
  const store = storeNow()
  if (store === undefined) return undefined
  return store.ended ? store.link : store.call
}

/** The same where it is known already: looking for it makes nothing dearer. */
export function contextAtHand(): AmbientContext | undefined {
  return running !== undefined && !moved ? running : ambient.getStore()
}

function storeNow(): AmbientContext | undefined {
  wantAmbient()
  if (running !== undefined && !moved) {
    // What follows in this handler, and all that it starts, finds it too.
    ambient.enterWith(running)
    moved = true
  }
  return ambient.getStore()
}

/** Runs `fn` outside of the call: it keeps the trace as a link, and has no deadline, signal, caller or identity. */
export function detached<T>(fn: () => T): T {
  const store = ambient.getStore()
  if (store === undefined) return fn()
  const link: AmbientContext = { service: store.service, ended: true, call: store.link, link: store.link }
  return ambient.run(link, fn)
}

/** Name of the service that the running code belongs to, where several are served in one process; also once its call has ended. */
export function servingService(): string | undefined {
  return storeNow()?.service
}

/** Makes a call's context be found by its request. */
export function bindContext(request: object, context: CallContext): void {
  contexts.set(request, context)
}

/**
 * Runs `fn` as part of a call.
 * @param isAmbient whether `callContext()` finds the call; another tracer in this process does in any case
 */
export function runInCall<T>(context: AmbientContext, fn: () => T, isAmbient: boolean): T {
  const bridge = traceBridge()
  if (bridge !== undefined) return bridge.within(context.call.trace, isAmbient ? () => ambient.run(context, fn) : fn)
  return isAmbient ? ambient.run(context, fn) : fn()
}

/**
 * Calls an RPC handler. AsyncLocalStorage costs every promise something, and handlers have a context of their own: it is
 * entered only for a service that wants it (`ambient: true`, or a web application beside), or once something in this
 * process has asked without being given a request, or made a `client`. Up to its first `await` a handler is found in any case.
 * @param wish what the service says: `false` never enters
 */
export function callHandler<Input, Context, Output>(
  handler: (input: Input, context: Context) => Output,
  input: Input,
  context: Context,
  call: AmbientContext,
  wish: boolean | undefined,
): Output {
  const outer = running
  const outerMoved = moved
  // A caller in this process calls its callee in the middle of its own call.
  const within = ambient.getStore()
  const enters = wish === false ? within !== undefined : wish === true || isAmbientWanted() || within !== undefined
  running = enters || wish === false ? undefined : call
  moved = false
  try {
    if (enters) return ambient.run(wish === false ? undefined : call, handler, input, context)
    return handler(input, context)
  } finally {
    if (moved) ambient.enterWith(within)
    running = outer
    moved = outerMoved
  }
}

/**
 * The same within the call's span for another tracer. Apart: what a closure holds on to is allocated when its function is
 * entered, whether it is made or not.
 */
export function callBridged<Input, Context, Output>(
  bridge: TraceBridge,
  handler: (input: Input, context: Context) => Output,
  input: Input,
  context: Context,
  call: AmbientContext,
  wish: boolean | undefined,
): Output {
  return bridge.within(call.call.trace, () => callHandler(handler, input, context, call, wish))
}

/** Frameworks keep node's request under one of these names: Fastify `raw`, Koa `req`, Hono `req.raw`, `env.incoming`. */
interface Wrapper {
  readonly raw?: object
  readonly req?: { readonly raw?: object }
  readonly env?: { readonly incoming?: object }
}

function ofRequest(request: object): CallContext | undefined {
  const own = contexts.get(request)
  if (own !== undefined) return own
  const { raw, req, env } = request as Wrapper
  for (const inner of [raw, req, req?.raw, env?.incoming]) {
    const found = typeof inner === 'object' && inner !== null ? contexts.get(inner) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
