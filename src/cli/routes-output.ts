/** What a push of routes prints: the difference on standard output, all that is said about it beside. */
import { styleText } from 'node:util'
import { lineOf, type RouteChange } from '../config/route-difference.ts'
import type { RoutesDocument } from '../registry/registry.ts'
import { hasColours } from './error-output.ts'
import { printable } from './terminal-text.ts'

export interface PrintedChange {
  /** In force until now. */
  readonly before: RoutesDocument | undefined
  /** Undefined: nothing was. */
  readonly written: RoutesDocument | undefined
  readonly changes: readonly RouteChange[]
  readonly warnings: readonly string[]
  readonly notes: readonly string[]
  readonly dry: boolean
  readonly withdrawn: boolean
}

const COLOURS = { added: 'green', removed: 'red', changed: 'yellow' } as const

export function printChange(printed: PrintedChange, json: boolean): void {
  const { before, written, changes, warnings, notes, dry } = printed
  if (json) {
    const record = {
      number: written?.number ?? null,
      before: before?.number ?? null,
      changes,
      warnings,
      notes,
      dryRun: dry,
    }
    process.stdout.write(`${JSON.stringify(record, null, 2)}\n`)
    return
  }
  const colour = hasColours(process.stdout)
  for (const change of changes) {
    const line = printable(lineOf(change))
    process.stdout.write(`${colour ? styleText(COLOURS[change.change], line, { validateStream: false }) : line}\n`)
  }
  for (const warning of warnings) process.stderr.write(`warn: ${printable(warning)}\n`)
  for (const note of notes) process.stderr.write(`${printable(note)}\n`)
  process.stderr.write(`${outcomeOf(printed)}\n`)
}

function outcomeOf({ before, written, changes, dry, withdrawn }: PrintedChange): string {
  const last = before === undefined ? 'nothing was shared before' : `number ${before.number} before`
  if (written !== undefined) {
    return withdrawn
      ? `number ${written.number} withdraws what was shared (${last}): each process goes by its own files`
      : `number ${written.number} is shared (${last})`
  }
  if (dry && changes.length > 0) return `nothing was changed: --dry-run (${last})`
  return before === undefined ? 'no change: nothing is shared' : `no change: number ${before.number} says the same`
}
