/** A promise that is settled from outside, without a closure made for each of them. */

export type Settle = (value: unknown) => void

let lastResolve: Settle
let lastReject: Settle

function keep(resolve: Settle, reject: Settle): void {
  lastResolve = resolve
  lastReject = reject
}

/** What holds the two ends of its promise itself. */
export interface Settling {
  resolve: Settle
  reject: Settle
}

/** Gives `settling` the two ends of a new promise. */
export function settledBy(settling: Settling): Promise<unknown> {
  const promise = new Promise<unknown>(keep)
  settling.resolve = lastResolve
  settling.reject = lastReject
  return promise
}

export function notYet(): void {}
