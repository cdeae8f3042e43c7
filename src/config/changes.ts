/** What differs between two settings, by path, and which part of a change may happen while the process runs. */
import { isDeepStrictEqual } from 'node:util'
import type { Settings } from '../core/options.ts'

type Block = Readonly<Record<string, unknown>>

/** Blocks whose fields are told apart; the others change as a whole. */
const OPEN: ReadonlySet<string> = new Set(['policy', 'gateway', 'registry', 'advertise', 'trace'])

/** `['routes', 'policy.timeoutMs']`, in the order of the settings. */
export function changedPaths(before: Settings, after: Settings): readonly string[] {
  const paths: string[] = []
  for (const key of keysOf(before, after)) {
    const [old, now] = [(before as unknown as Block)[key], (after as unknown as Block)[key]]
    if (isDeepStrictEqual(old, now)) continue
    if (OPEN.has(key)) {
      const inner = keysOf(old as Block, now as Block)
      paths.push(
        ...inner
          .filter((name) => !isDeepStrictEqual((old as Block)[name], (now as Block)[name]))
          .map((name) => `${key}.${name}`),
      )
    } else paths.push(key)
  }
  return paths
}

/** Whether a path is one of `live` or below one. */
export function isLive(path: string, live: readonly string[]): boolean {
  return live.some((one) => path === one || path.startsWith(`${one}.`))
}

/** `before` with those changes of `after` that are live. */
export function withLive(before: Settings, after: Settings, live: readonly string[]): Settings {
  const merged: Record<string, unknown> = { ...before }
  for (const path of changedPaths(before, after)) {
    if (!isLive(path, live)) continue
    const [key = '', field] = path.split('.')
    const value = (after as unknown as Block)[key]
    if (field === undefined) merged[key] = value
    else merged[key] = { ...(merged[key] as Block), [field]: (value as Block)[field] }
  }
  return merged as unknown as Settings
}

function keysOf(a: object, b: object): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
}
