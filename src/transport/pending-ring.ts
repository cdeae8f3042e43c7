/** The requests of one connection that wait for an answer, found by their number without a map. */

export interface Pending {
  /** Number on the wire; −1 while it is in no ring. */
  seq: number
}

const FIRST_SLOTS = 256
/** Requests that wait at once on one connection. */
export const MAX_PENDING = 65_536

/** Numbers grow by one for each request; a slot that a slow one still holds is passed over. */
export class PendingRing<T extends Pending> {
  #slots: (T | undefined)[] = new Array<T | undefined>(FIRST_SLOTS).fill(undefined)
  #mask: number = FIRST_SLOTS - 1
  #next = 1
  size = 0

  /** Gives the entry its number. False when {@link MAX_PENDING} wait already. */
  add(entry: T): boolean {
    if (this.size >= MAX_PENDING) return false
    if (this.size * 2 > this.#mask) this.#grow()
    let seq = this.#next
    while (this.#slots[seq & this.#mask] !== undefined) seq++
    this.#slots[seq & this.#mask] = entry
    this.#next = seq + 1
    entry.seq = seq
    this.size++
    return true
  }

  /** A number for a frame that waits for nothing. */
  skip(): number {
    return this.#next++
  }

  /** The entry of that number, taken out; undefined for one that was never given, or has been taken already. */
  take(seq: number): T | undefined {
    const slot = seq & this.#mask
    const entry = this.#slots[slot]
    // The full number counts: an answer that comes after its request was given up must not meet the slot's next holder.
    if (entry === undefined || entry.seq !== seq) return undefined
    this.#slots[slot] = undefined
    this.size--
    return entry
  }

  /** All of them, taken out, in the order of their numbers. */
  takeAll(): T[] {
    const all = this.#slots.filter((entry) => entry !== undefined).sort((a, b) => a.seq - b.seq)
    this.#slots.fill(undefined)
    this.size = 0
    return all
  }

  #grow(): void {
    const old = this.#slots
    const slots = new Array<T | undefined>(old.length * 2).fill(undefined)
    this.#mask = slots.length - 1
    // Numbers that differ in the smaller ring differ in the larger one as well.
    for (const entry of old) if (entry !== undefined) slots[entry.seq & this.#mask] = entry
    this.#slots = slots
  }
}
