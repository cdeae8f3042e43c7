/** A queue of items with a bound in number and in bytes; what is over is dropped and counted, the newest or the oldest. */

export interface QueueBounds {
  readonly maxItems: number
  readonly maxBytes: number
  /** What goes when it is full. */
  readonly drop: 'newest' | 'oldest'
}

export interface BoundedQueue<T> {
  readonly items: number
  readonly bytes: number
  /** How many were dropped until now. */
  readonly dropped: number
  /**
   * Takes an item of about that size.
   * @param heldItems what is on its way at the moment and counts as well
   */
  push(item: T, sizeBytes: number, heldItems: number, heldBytes: number): void
  /** The oldest ones, at least one where there is any, with the sum of their sizes. */
  shift(maxItems: number, maxBytes: number): { readonly items: T[]; readonly bytes: number }
  /** Drops all. */
  clear(): void
}

/** Slots of items that have gone are given back when there are so many of them. */
const TIDY_AT = 1024

export function createBoundedQueue<T>(bounds: QueueBounds): BoundedQueue<T> {
  let items: (T | undefined)[] = []
  let sizes: number[] = []
  let head = 0
  let bytes = 0
  let dropped = 0

  function shiftOne(): T {
    const item = items[head] as T
    items[head] = undefined
    bytes -= sizes[head] as number
    head++
    if (head === items.length || (head >= TIDY_AT && head * 2 >= items.length)) {
      items = items.slice(head)
      sizes = sizes.slice(head)
      head = 0
    }
    return item
  }

  return {
    get items() {
      return items.length - head
    },
    get bytes() {
      return bytes
    },
    get dropped() {
      return dropped
    },
    push(item, sizeBytes, heldItems, heldBytes) {
      const isOver = () =>
        items.length - head + heldItems >= bounds.maxItems || bytes + heldBytes + sizeBytes > bounds.maxBytes
      if (bounds.drop === 'oldest') {
        while (head < items.length && isOver()) {
          shiftOne()
          dropped++
        }
      }
      if (isOver()) {
        dropped++
        return
      }
      items.push(item)
      sizes.push(sizeBytes)
      bytes += sizeBytes
    },
    shift(maxItems, maxBytes) {
      const taken: T[] = []
      let takenBytes = 0
      while (head < items.length && taken.length < maxItems) {
        const size = sizes[head] as number
        if (taken.length > 0 && takenBytes + size > maxBytes) break
        taken.push(shiftOne())
        takenBytes += size
      }
      return { items: taken, bytes: takenBytes }
    },
    clear() {
      dropped += items.length - head
      items = []
      sizes = []
      head = 0
      bytes = 0
    },
  }
}
