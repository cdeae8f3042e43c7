/** What files, environment and flags say as one tree with our names for the keys, each value with its place. */
import type { Mistake, Origin } from './mistake.ts'

export interface Tree {
  readonly value: Record<string, unknown>
  /** By {@link pathKey}. */
  readonly origins: Map<string, Origin>
  readonly mistakes: Mistake[]
}

export function emptyTree(): Tree {
  return { value: {}, origins: new Map(), mistakes: [] }
}

/** One that may be changed without the other. */
export function copyOf({ value, origins, mistakes }: Tree): Tree {
  return { value: structuredClone(value), origins: new Map(origins), mistakes: [...mistakes] }
}

/** Service names may hold dots, so paths are not joined with them. */
export function pathKey(path: readonly string[]): string {
  return path.join('\0')
}

/** The nearest place: the value's own or that of the block around it. */
export function originOf(tree: Tree, path: readonly string[]): Origin | undefined {
  for (let n = path.length; n > 0; n--) {
    const origin = tree.origins.get(pathKey(path.slice(0, n)))
    if (origin !== undefined) return origin
  }
  return undefined
}
