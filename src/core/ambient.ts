/** Whether anything in this process looks for the call that it belongs to without being handed it. Then AsyncLocalStorage pays. */

let wanted = false

/** Said by whoever will ask: from now on RPC handlers run within AsyncLocalStorage. */
export function wantAmbient(): void {
  wanted = true
}

export function isAmbientWanted(): boolean {
  return wanted
}
