/** Emitting outside of handlers: web applications, jobs, whatever runs in a process that serves. */
import type { Emit } from '../contract/handler.ts'
import type { Contract } from '../contract/shape.ts'
import { wantAmbient } from '../core/ambient.ts'
import { emitEvent } from '../core/running.ts'

/**
 * Tells events of a contract, for code outside of handlers. What is emitted while a call is served is part of its trace. May
 * be made at the top of a file, before anything is served.
 * @example const emit = emitter(Order); await emit('submitted', { orderId })
 */
export function emitter<C extends Contract>(contract: C): Emit<C> {
  // It looks for the call that it is part of.
  wantAmbient()
  return (event, payload, options) => emitEvent(contract, String(event), payload, options)
}
