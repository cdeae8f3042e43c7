/**
 * Finds a Redis that takes commands and answers none: such a connection does not fail by itself, and what was written to it
 * waits for ever. Answers come in the order of commands, so one that is answered in time speaks for all before it.
 */
import type { Clock, Timer } from '../core/clock.ts'

/** What of a client is needed. */
export interface Answering {
  readonly isOpen: boolean
  readonly isReady: boolean
  ping(): Promise<unknown>
}

export interface WatchOptions {
  readonly clock: Clock
  /** No command waits longer: half of it between two looks, half for the answer. */
  readonly boundMs: number
  /** It did not answer. */
  silent(): void
}

/** Returns how to stop. */
export function watchAnswers(client: Answering, { clock, boundMs, silent }: WatchOptions): { stop(): void } {
  const halfMs = Math.max(1, boundMs / 2)
  let timer: Timer = clock.after(halfMs, look)
  let stopped = false

  function next(): void {
    if (!stopped) timer = clock.after(halfMs, look)
  }

  function look(): void {
    if (!client.isReady) {
      next()
      return
    }
    let answered = false
    const heard = (): void => {
      if (answered) return
      answered = true
      timer.cancel()
      next()
    }
    // One that fails is an answer too, or the connection's end, which is told elsewhere. Where nothing more may wait it is
    // refused, and nothing is written any more: a connection without a byte in either direction ends by its own time-out.
    client.ping().then(heard, heard)
    timer = clock.after(halfMs, () => {
      // After a stall of this process an answer may be here already, and not read yet.
      timer = clock.after(1, () => {
        if (answered || stopped) return
        answered = true
        if (client.isReady) silent()
        next()
      })
    })
  }

  return {
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
