/** The ring of consistent hashing: every node at many places, found by hash in O(log n). */

/** How many nodes a ring holds at most; the rest of 53 bits is the hash. */
const MAX_OWNERS = 2 ** 20

export interface Ring {
  /** Places on the ring. */
  readonly size: number
  /** Whether the ring was made of nodes with these keys. */
  isOf(nodes: readonly { readonly key: string }[]): boolean
  /**
   * Marks which owners may be taken: 1 at their index. `some` is a part of `all` in its order. The array is the ring's
   * own and valid until the next call.
   */
  mark<N>(all: readonly N[], some: readonly N[]): Uint8Array
  /** The first place at or after a hash. */
  placeOf(hash: number): number
  /** Index of the node at a place. */
  ownerAt(place: number): number
}

/** Places each node `virtualNodes` times. O(n log n); made again only when the set of keys changes. */
export function createRing(nodes: readonly { readonly key: string }[], virtualNodes: number): Ring {
  const keys = nodes.slice(0, MAX_OWNERS).map((node) => node.key)
  // Hash and owner in one number, so that a typed array sorts them together without a comparator.
  const places = new Float64Array(keys.length * virtualNodes)
  keys.forEach((key, owner) => {
    const base = hashOf(key)
    const stride = hashOf(`${key}#`) | 1
    for (let v = 0; v < virtualNodes; v++) {
      places[owner * virtualNodes + v] = mix((base + Math.imul(stride, v)) | 0) * MAX_OWNERS + owner
    }
  })
  places.sort()

  const marks = new Uint8Array(keys.length)

  return {
    size: places.length,
    isOf: (others) => others.length === keys.length && keys.every((key, i) => key === others[i]?.key),
    mark(all, some) {
      let at = 0
      for (let owner = 0; owner < marks.length; owner++) {
        const isIn = all[owner] === some[at]
        marks[owner] = isIn ? 1 : 0
        if (isIn) at++
      }
      return marks
    },
    placeOf(hash) {
      const wanted = hash * MAX_OWNERS
      let low = 0
      let high = places.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((places[middle] as number) < wanted) low = middle + 1
        else high = middle
      }
      return low < places.length ? low : 0
    },
    ownerAt: (place) => (places[place] as number) % MAX_OWNERS,
  }
}

/**
 * A hash of 32 bits, the same in every process and version: FNV-1a over UTF-16 units, then murmur3's finalizer.
 * Source: http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
