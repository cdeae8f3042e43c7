/**
 * Time as far as this process took part in it. After a stall of its own event loop every call under way looks late, and no
 * node is to blame: what is overdue is measured by this clock, which leaves such stalls out.
 */
import type { Clock, Timer } from '../core/clock.ts'

/** How often the process shows itself that it is awake. */
const BEAT_MS = 20
/** A beat that is late by more is a stall; less is how timers are. */
const TOLERANCE_MS = 20

export interface AwakeClock {
  /**
   * Milliseconds, monotonic, without the stalls.
   * @param nowMs what the clock has just said to whoever asks, so that it need not be looked at again
   */
  now(nowMs?: number): number
  close(): void
}

export function createAwakeClock(clock: Clock): AwakeClock {
  let stalledMs = 0
  let beatAtMs = clock.now()
  let timer: Timer | undefined

  function beat(): void {
    const nowMs = clock.now()
    const lateMs = nowMs - beatAtMs - BEAT_MS
    if (lateMs > TOLERANCE_MS) stalledMs += lateMs
    beatAtMs = nowMs
    timer = clock.after(BEAT_MS, beat)
  }

  timer = clock.after(BEAT_MS, beat)
  return {
    // Between two beats time goes on no further than a beat may be late: a stall that lasts is not counted meanwhile.
    now: (nowMs = clock.now()) => Math.min(nowMs, beatAtMs + BEAT_MS + TOLERANCE_MS) - stalledMs,
    close: () => timer?.cancel(),
  }
}
