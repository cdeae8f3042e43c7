/** What differs between two sets of routes, as data and as lines. */
import { isDeepStrictEqual } from 'node:util'
import type { RouteFile } from './shape.ts'
import { routeBlocks, SHARED_KEYS, type SharedSet } from './shared-set.ts'

export interface RouteChange {
  readonly change: 'added' | 'removed' | 'changed'
  /** Of a route; undefined: a default of all routes. */
  readonly service?: string
  readonly action?: string
  /** By key, as files write them. Of a default there is one. */
  readonly fields: readonly FieldChange[]
}

export interface FieldChange {
  readonly key: string
  /** Undefined: not set, before or after. */
  readonly before?: unknown
  readonly after?: unknown
}

/** Defaults first, then routes in the order of `after`, then what is gone. */
export function differenceOf(before: SharedSet | undefined, after: SharedSet | undefined): readonly RouteChange[] {
  return [...defaultChanges(before ?? {}, after ?? {}), ...routeChanges(before ?? {}, after ?? {})]
}

function defaultChanges(before: SharedSet, after: SharedSet): RouteChange[] {
  const keys = SHARED_KEYS.filter((key) => key !== 'services')
  return fieldChanges(before, after, keys).map((field) => ({ change: kindOf(field), fields: [field] }))
}

function routeChanges(before: SharedSet, after: SharedSet): RouteChange[] {
  const [old, now] = [routeBlocks(before.services ?? {}), routeBlocks(after.services ?? {})]
  const changes: RouteChange[] = []
  for (const service of keysOf(now, old)) {
    for (const action of keysOf(now[service] ?? {}, old[service] ?? {})) {
      const [was, is] = [old[service]?.[action], now[service]?.[action]]
      const fields = fieldChanges(was ?? {}, is ?? {}, keysOf(is ?? {}, was ?? {}))
      if (was === undefined) changes.push({ change: 'added', service, action, fields })
      else if (is === undefined) changes.push({ change: 'removed', service, action, fields })
      else if (fields.length > 0) changes.push({ change: 'changed', service, action, fields })
    }
  }
  return changes
}

function fieldChanges(before: object, after: object, keys: readonly string[]): FieldChange[] {
  const value = (block: object, key: string): unknown => (block as Readonly<Record<string, unknown>>)[key]
  return keys
    .map((key) => ({ key, before: value(before, key), after: value(after, key) }))
    .filter((field) => !isDeepStrictEqual(field.before, field.after))
}

function kindOf({ before, after }: FieldChange): RouteChange['change'] {
  return before === undefined ? 'added' : after === undefined ? 'removed' : 'changed'
}

function keysOf(a: object, b: object): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
}

const MARKS = { added: '+', removed: '-', changed: '~' } as const

/** `+ user/login /login method POST`, `~ user/exists: timeout 2000 → 500`, `- default retries 2`. */
export function lineOf({ change, service, action, fields }: RouteChange): string {
  const what = service === undefined ? 'default' : `${service}/${action}`
  if (change !== 'changed') return `${MARKS[change]} ${[what, ...fields.map(given)].join(' ')}`
  const changed = fields.map(({ key, before, after }) => `${key} ${shown(before)} → ${shown(after)}`).join(', ')
  return `${MARKS[change]} ${service === undefined ? `${what} ${changed}` : `${what}: ${changed}`}`
}

/** A path is known for one by its slash. */
function given({ key, before, after }: FieldChange): string {
  const value = shown(after ?? before)
  return key === ('path' satisfies keyof RouteFile) ? value : `${key} ${value}`
}

function shown(value: unknown): string {
  if (value === undefined) return 'none'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
