/** The waterfall of a trace for a terminal: a line a span, all bars on one axis. */
import { styleText } from 'node:util'
import { clip, columnsOf, fitted, printable } from './terminal-text.ts'
import type { TraceRow, TraceSpan, TraceTree } from './trace-tree.ts'

export interface WaterfallOptions {
  /** Columns of the terminal. */
  readonly width: number
  readonly colour: boolean
  /** All that the spans say. */
  readonly tags: boolean
}

const LEAST_WIDTH = 40
/** Of the bars, where there is room. */
const LEAST_BAR = 12
const MOST_BAR = 100
/** `!` for a failure is in front of everything else, so that it is found without colours. */
const MARK_COLUMNS = 2

/** Lines, each with its newline. Only what `--tags` shows may be longer than the terminal is wide. */
export function toWaterfall(tree: TraceTree, traceId: string, options: WaterfallOptions): string {
  const width = Math.max(LEAST_WIDTH, options.width)
  const retried = new Set(tree.rows.flatMap(({ span }) => (span.attempt > 1 ? callOf(span) : [])))
  const names = tree.rows.map((row) => branchOf(row) + titleOf(row.span))
  const nodes = tree.rows.map(({ span }) => printable(nodeOf(span, retried.has(callOf(span)))))
  const durations = tree.rows.map(({ span }) => durationOf(span.durationMs))
  const columns = shareOut(width, widest(names), widest(nodes), widest(durations))
  const time = tree.startedMs === undefined ? '' : `  ${timeOf(tree.startedMs)}`
  const lines = [clip(`trace ${traceId}${time}`, width), clip(headOf(tree), width), '']
  for (const [n, row] of tree.rows.entries()) {
    const { span } = row
    const parts = [
      fitted(names[n] as string, columns.name),
      ...(columns.node > 0 ? [fitted(nodes[n] as string, columns.node)] : []),
      (durations[n] as string).padStart(columns.duration),
      barOf(row, tree.durationMs, columns.bar),
    ]
    const failed = span.error !== undefined
    const line = `${failed ? '! ' : '  '}${parts.join('  ')}`.trimEnd()
    lines.push(failed ? painted('red', line, options.colour) : line)
    const hasChild = (tree.rows[n + 1]?.depth ?? 0) > row.depth
    const indent = `  ${stemOf(row.continued, hasChild)}`
    if (span.error !== undefined) {
      lines.push(painted('red', clip(`${indent}! ${printable(span.error)}`, width), options.colour))
    }
    if (options.tags) for (const text of tagsOf(span)) lines.push(painted('dim', `${indent}${text}`, options.colour))
  }
  const notes = notesOf(tree)
  return [...lines, ...(notes.length > 0 ? ['', ...notes] : [])].map((line) => `${line}\n`).join('')
}

function headOf(tree: TraceTree): string {
  const services = new Set(tree.rows.map(({ span }) => span.service)).size
  const failed = tree.rows.filter(({ span }) => span.error !== undefined).length
  return [
    counted(tree.rows.length, 'span'),
    counted(services, 'service'),
    ...(failed > 0 ? [`${failed} failed`] : []),
    durationOf(tree.durationMs),
  ].join('  ')
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** A number that a span made up may be no time at all. */
function timeOf(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? '?' : date.toISOString()
}

function titleOf({ service, name }: TraceSpan): string {
  return printable(name === '' ? service : `${service} ${name}`)
}

/** Lines of a tree in front of a name; spans at the top have none, and very deep ones a part of theirs. */
function branchOf({ depth, continued }: TraceRow): string {
  if (depth === 0) return ''
  const stems = stemsOf(continued.slice(1, -1))
  return `${depth < continued.length ? stems : `…${stems.slice(1)}`}${continued.at(-1) ? '├ ' : '└ '}`
}

/** The same below the name. */
function stemOf(continued: readonly boolean[], hasChild: boolean): string {
  return `${stemsOf(continued.slice(1))}${hasChild ? '│ ' : '  '}`
}

function stemsOf(levels: readonly boolean[]): string {
  return levels.map((goesOn) => (goesOn ? '│ ' : '  ')).join('')
}

/** What was called, with the number of the attempt where there were several; else the node that served. */
function nodeOf(span: TraceSpan, isRetried: boolean): string {
  // An event has no node that it goes to: brokers seldom say where they are.
  const isCall = span.kind === 'CLIENT' || (span.kind === 'PRODUCER' && span.to !== undefined)
  const address = isCall ? `→ ${span.to ?? 'no node'}` : (span.at ?? '-')
  return isRetried ? `#${span.attempt} ${address}` : address
}

/** What attempts of one call have in common. */
function callOf({ kind, parentId, service, name }: TraceSpan): string {
  return JSON.stringify([kind, parentId, service, name])
}

/** `0.4 ms`, `12.4 ms`, `124 ms`, `1.24 s`. */
function durationOf(ms: number | undefined): string {
  if (ms === undefined) return '-'
  if (ms < 99.95) return `${ms < 0.995 ? ms.toFixed(2) : ms.toFixed(1)} ms`
  return ms < 999.5 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`
}

interface Columns {
  readonly name: number
  /** 0: there is no room for it. */
  readonly node: number
  readonly duration: number
  readonly bar: number
}

/** Names and nodes get what they need where a bar is left over; then the nodes are cut, then the names. */
function shareOut(width: number, name: number, node: number, duration: number): Columns {
  const free = width - MARK_COLUMNS - duration - 4
  const least = Math.min(LEAST_BAR, Math.floor(free / 3))
  const forNode = Math.min(node, Math.floor((free - least) / 3))
  const shownNode = name + node + 2 + least <= free ? node : forNode >= 8 ? forNode : 0
  const gap = shownNode > 0 ? 2 : 0
  const shownName = Math.min(name, free - shownNode - gap - least)
  const bar = Math.min(MOST_BAR, free - shownName - shownNode - gap)
  return { name: shownName, node: shownNode, duration, bar }
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, columnsOf(text)), 0)
}

/** At least one column, so that the shortest is seen. */
function barOf({ startMs, endMs }: TraceRow, totalMs: number, columns: number): string {
  const scale = totalMs > 0 ? columns / totalMs : 0
  const from = Math.min(columns - 1, Math.floor(startMs * scale))
  const to = Math.min(columns, Math.max(from + 1, Math.round(endMs * scale)))
  return `${' '.repeat(from)}${'█'.repeat(to - from)}`
}

function tagsOf({ id, kind, tags }: TraceSpan): string[] {
  return [['span', kind === undefined ? id : `${id} ${kind}`] as const, ...tags].map(
    ([name, value]) => `${printable(name)}: ${printable(value)}`,
  )
}

function notesOf(tree: TraceTree): string[] {
  const notes: string[] = []
  if (tree.roots > 1 && tree.orphans > 0) {
    notes.push(
      `the parent of ${counted(tree.orphans, 'span')} is missing: not sent yet, or its process did not record it`,
    )
  }
  for (const [node, ms] of tree.skews) {
    notes.push(
      `${printable(node)}: its clock differs, shown ${durationOf(Math.abs(ms))} ${ms > 0 ? 'later' : 'earlier'}`,
    )
  }
  return notes
}

function painted(style: 'red' | 'dim', text: string, colour: boolean): string {
  return colour ? styleText(style, text, { validateStream: false }) : text
}
