/**
 * The end of a turn of the event loop, where all that was said in it is written. First everything that came is dealt with,
 * then everything goes out: either work finds its code and data in the caches of the processor, where one write between two
 * reads would throw them out each time. Where a loop has little to do nothing is gained by that, and an answer
 * leaves as soon as it is whole ({@link turnsAreShort}).
 */

export interface AtTurnEnd {
  /** Called once for each {@link atTurnEnd}. */
  turnEnded(): void
}

/** A turn with no more to write than that is short. */
const FEW = 4

let waiting: AtTurnEnd[] = []
/** Of the turn before. */
let waited = FEW + 1

/** What is added while a turn ends waits for the end of the next one. */
export function atTurnEnd(one: AtTurnEnd): void {
  if (waiting.push(one) === 1) setImmediate(endTurn)
}

/** Whether the turn before had little to write, and so, most likely, has this one. */
export function turnsAreShort(): boolean {
  return waited <= FEW
}

function endTurn(): void {
  const all = waiting
  waiting = []
  waited = all.length
  let done = 0
  try {
    for (const one of all) {
      done++
      one.turnEnded()
    }
  } finally {
    // A mistake of one is not the others' loss.
    for (let i = done; i < all.length; i++) atTurnEnd(all[i] as AtTurnEnd)
  }
}
