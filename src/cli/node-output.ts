/** Lines of many nodes in one terminal: each behind the label of its node, always in the same colour. */
import { styleText } from 'node:util'

const COLOURS = ['cyan', 'green', 'magenta', 'yellow', 'blue', 'redBright'] as const

/** Prints a line that a node printed, or something to say about it. */
export type NodePrinter = (label: string, text: string) => void

/** Writes to standard error. Colours on a terminal only, and none with `NO_COLOR`. */
export function nodePrinter(labels: readonly string[]): NodePrinter {
  const width = Math.max(...labels.map((label) => label.length))
  const coloured = process.stderr.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
  const prefixes = new Map(
    labels.map((label, i) => {
      const text = `${label.padEnd(width)} │ `
      const colour = COLOURS[i % COLOURS.length] ?? 'cyan'
      return [label, coloured ? styleText(colour, text, { validateStream: false }) : text]
    }),
  )
  return (label, text) => process.stderr.write(`${prefixes.get(label) ?? ''}${text}\n`)
}
