/** Leave for one attempt, as breaker and health give it and want it back. */

declare const isPermit: unique symbol

/**
 * To be handed back exactly once. Inside, it is the number of the phase it was taken in: once the phase is over, what the
 * attempt reports comes too late to matter. A type of its own, so that it is never mixed up with a time.
 */
export type Permit = number & { readonly [isPermit]: true }

/** None was given. */
export const NO_PERMIT: Permit = 0 as Permit

export function nextPermit(phase: Permit): Permit {
  return (phase + 1) as Permit
}
