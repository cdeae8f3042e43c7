/** Waiting with an end to it: every step of a process's leaving is bounded. */
import type { Clock, Timer } from '../core/clock.ts'

/** Waits for the work, or for the time to be over. Keeps the process alive meanwhile, as a timer of the clock does not. */
export async function atMost(clock: Clock, boundMs: number, work: Promise<unknown>): Promise<void> {
  const alive = setInterval(() => {}, 60_000)
  let timer: Timer | undefined
  const over = new Promise<void>((resolve) => {
    timer = clock.after(boundMs, resolve)
  })
  try {
    await Promise.race([work, over])
  } finally {
    timer?.cancel()
    clearInterval(alive)
  }
}

export function sleep(clock: Clock, ms: number): Promise<void> {
  return atMost(clock, ms, new Promise(() => {}))
}

/** How often connections are counted. */
const LOOK_MS = 20

/** Until no connection is open any more, or the time is over. */
export async function connectionsGone(clock: Clock, connections: () => number, withinMs: number): Promise<void> {
  const until = clock.now() + withinMs
  while (connections() > 0 && clock.now() < until) await sleep(clock, LOOK_MS)
}
