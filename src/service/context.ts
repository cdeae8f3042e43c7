/** The context of the call that a web application is serving: from the request itself, or from wherever it is asked for. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { CallContext } from '../core/context.ts'

const contexts = new WeakMap<object, CallContext>()
const ambient = new AsyncLocalStorage<AmbientContext>()

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
  const store = ambient.getStore()
  if (store === undefined) return undefined
  return store.ended ? store.link : store.call
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
  return ambient.getStore()?.service
}

/** Makes a call's context be found by its request. */
export function bindContext(request: object, context: CallContext): void {
  contexts.set(request, context)
}

/** Runs `fn` as part of a call. */
export function runInCall<T>(context: AmbientContext, fn: () => T): T {
  return ambient.run(context, fn)
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
