/** What the reports of all benchmarks are written with. */
import { existsSync, readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

/** The least and the most. */
export const spread = (values, digits = 2) =>
  `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`

export const table = (head, rows) =>
  [
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n')

/** Where and when this is measured. */
export const about = () => ({
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  cpu: `${cpus()[0]?.model.trim()}, ${cpus().length} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB`,
})

/** The command as anybody may repeat it: without what only says where the results go. */
export function command(what) {
  const args = process.argv.slice(2)
  const told = args.filter((arg, i) => !/^--(?:out|dry-run)\b/.test(arg) && args[i - 1] !== '--out')
  return `npm run bench -- ${what} ${told.join(' ')}`.trim()
}

/** `name version` of a package that goms is compared with. */
export function versionOf(pkg) {
  const places = ['..', join('..', '..')].map((up) =>
    join(import.meta.dirname, up, 'node_modules', pkg, 'package.json'),
  )
  const file = places.find((place) => existsSync(place))
  return `${pkg} ${JSON.parse(readFileSync(file, 'utf8')).version}`
}
