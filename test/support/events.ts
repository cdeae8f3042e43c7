/** A process that emits and processes that handle, for tests of brokers: what was confirmed, and what became of it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cluster, Member } from './cluster.ts'

export interface Emitted {
  readonly confirmed: readonly string[]
  readonly failed: readonly (readonly [id: string, code: string])[]
}

export interface Note {
  readonly what: 'begin' | 'end'
  readonly id: string
  readonly delivery: number
  readonly atMs: number
  readonly by: string
}

const HEADERS = { 'call-key': 'a key for the tests', 'content-type': 'application/json' }

export async function emit(
  source: Member,
  order: { ids: readonly string[]; everyMs?: number; payload?: object },
): Promise<Emitted> {
  const response = await fetch(source.url, { method: 'POST', headers: HEADERS, body: JSON.stringify(order) })
  return (await response.json()) as Emitted
}

/** What `sinks` are told, `/hold` or `/go`. */
export async function tell(sinks: readonly Member[], path: string): Promise<void> {
  await Promise.all(sinks.map(async ({ url }) => (await fetch(url + path, { headers: HEADERS })).text()))
}

/** What sinks of those names wrote down. */
export function notesOf(cluster: Cluster, names: readonly string[]): readonly Note[] {
  return names.flatMap((by) => {
    const file = join(cluster.dir, 'histories', by)
    if (!existsSync(file)) return []
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => {
      const [what, id = '', delivery, atMs] = line.split(' ')
      return { what: what as Note['what'], id, delivery: Number(delivery), atMs: Number(atMs), by }
    })
  })
}

export const idsOf = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}${at}`)

/** Those of `ids` that no sink has handled to the end. */
export function lost(notes: readonly Note[], ids: readonly string[]): string[] {
  const ended = new Set(notes.filter(({ what }) => what === 'end').map(({ id }) => id))
  return ids.filter((id) => !ended.has(id))
}

export async function until(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<number> {
  const beganMs = performance.now()
  while (!(await holds())) {
    if (performance.now() - beganMs > withinMs) throw new Error(`it did not come to that within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return performance.now() - beganMs
}
