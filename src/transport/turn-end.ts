/**
 * The end of a turn of the event loop, where all that was said in it is written. First everything that came is dealt with,
 * then everything goes out: either work finds its code and data in the caches of the processor, where one write between two
 * reads would throw them out each time. A turn of a loop that has little to do is over as soon as its one event is.
 */

export interface AtTurnEnd {
  /** Called once for each {@link atTurnEnd}. */
  turnEnded(): void
}

let waiting: AtTurnEnd[] = []

/** What is added while a turn ends waits for the end of the next one. */
export function atTurnEnd(one: AtTurnEnd): void {
  if (waiting.push(one) === 1) setImmediate(endTurn)
}

function endTurn(): void {
  const all = waiting
  waiting = []
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
