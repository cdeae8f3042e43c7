/** Waiting with an end to it: every step of a process's start and leaving is bounded. */
import type { Clock, Timer } from './clock.ts'

/**
 * Waits for the work, or for the time to be over: then it comes to what `late` returns or throws, whatever the work still does.
 * Keeps the process alive meanwhile, as a timer of the clock does not.
 */
export async function within<T>(clock: Clock, boundMs: number, work: Promise<T>, late: () => T): Promise<T> {
  const alive = setInterval(() => {}, 60_000)
  let timer: Timer | undefined
  const over = new Promise<void>((resolve) => {
    timer = clock.after(boundMs, resolve)
  })
  try {
    return await Promise.race([work, over.then(late)])
  } finally {
    timer?.cancel()
    clearInterval(alive)
  }
}

/** Waits for the work, or for the time to be over. */
export function atMost(clock: Clock, boundMs: number, work: Promise<unknown>): Promise<unknown> {
  return within(clock, boundMs, work, () => undefined)
}

export async function sleep(clock: Clock, ms: number): Promise<void> {
  await atMost(clock, ms, new Promise(() => {}))
}

/** How often connections are counted. */
const LOOK_MS = 20

/** Until no connection is open any more, or the time is over. */
export async function connectionsGone(clock: Clock, connections: () => number, withinMs: number): Promise<void> {
  const until = clock.now() + withinMs
  while (connections() > 0 && clock.now() < until) await sleep(clock, LOOK_MS)
}
