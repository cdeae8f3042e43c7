/** What the commands that look at a cluster share: settings, a way in, and an end. */
import type { Onlooker } from '../app/onlooker.ts'
import { joinAsOnlooker } from '../app/onlooker.ts'
import { didYouMean } from '../config/did-you-mean.ts'
import type { FlagValue } from '../config/flags.ts'
import { loadSettings } from '../config/load.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { TOOL_FLAGS } from './tool-flags.ts'

type Flags = Readonly<Record<string, FlagValue>>

/**
 * Joins the cluster that flags, environment and configuration name, does the work, and leaves.
 * @param also names of further flags that are settings
 */
export async function withCluster<T>(
  flags: Flags,
  work: (onlooker: Onlooker) => Promise<T>,
  also: readonly string[] = [],
): Promise<T> {
  const names = [...TOOL_FLAGS.map(({ name }) => name), ...also]
  const given = Object.fromEntries(Object.entries(flags).filter(([name]) => names.includes(name)))
  const loaded = await loadSettings({ flags: given, role: 'tool' })
  // Clocks and idle connections keep no process alive; somebody waits for this one.
  const alive = setInterval(() => {}, 60_000)
  try {
    const onlooker = await joinAsOnlooker(loaded, process.env, quietLog(flags.debug === true))
    try {
      return await work(onlooker)
    } finally {
      await onlooker.close()
    }
  } finally {
    clearInterval(alive)
  }
}

/** Standard output is for data: warnings alone are printed, beside it. */
export function quietLog(debug: boolean): Log {
  const say = (text: string): void => void process.stderr.write(`warn: ${text}\n`)
  return { debug: debug ? say : () => {}, info() {}, warn: say, error: say }
}

/** A service, method or node that is not there. */
export function notThere(what: string, found: string, known: readonly string[], all: string): GomsError {
  const near = didYouMean(found, known)
  const list = known.length === 0 ? `there are no ${all}` : `${all}: ${known.slice(0, 50).join(', ')}`
  return new GomsError('NOT_FOUND', `there is no ${what} ${JSON.stringify(found.slice(0, 80))}`, {
    detail: { fix: near === undefined ? [list] : [`did you mean "${near}"?`, list] },
  })
}

/** @throws GomsError NOT_FOUND, with the one that was probably meant */
export function checkService(view: { services(): readonly string[] }, service: string): void {
  if (!view.services().includes(service)) throw notThere('service', service, view.services(), 'services')
}

/** Rows in columns, the last one as long as it is. */
export function toTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  const line = (row: readonly string[]): string => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}
