/** `goms routes` and `goms routes history`: what is shared now, and what was before. */
import { setOf } from '../app/push-routes.ts'
import { differenceOf } from '../config/route-difference.ts'
import { toYaml } from '../config/set-text.ts'
import type { RoutesDocument, RoutesShelf, SharedRoutes } from '../registry/registry.ts'
import { ROUTES_FORMAT, tooNew } from '../registry/routes-value.ts'
import type { Arguments } from './args.ts'
import { toTable } from './onlooker.ts'

type Flags = Arguments['flags']

/** YAML that can be saved, changed and pushed again; who shared it stands in comments. */
export async function show(routes: SharedRoutes, project: string, flags: Flags): Promise<number> {
  const { current } = await routes.read()
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(current ? toRecord(current, current) : null, null, 2)}\n`)
    return 0
  }
  const set = setOf(current)
  if (current === undefined || set === undefined) {
    const why = current === undefined ? '' : ` (number ${current.number} by ${current.by} withdrew them)`
    process.stderr.write(`no routes are shared in the project "${project}"${why}: each process goes by its own files\n`)
    return 0
  }
  if (current.format > ROUTES_FORMAT) throw tooNew(current)
  const { number, by, at, message } = current
  const head = [
    `routes number ${number} of the project ${project}`,
    `shared by ${by} at ${at}`,
    ...(message ? [message] : []),
  ]
  process.stdout.write(`${head.map((line) => `# ${line}\n`).join('')}${toYaml(set)}`)
  return 0
}

const HEAD = ['NUMBER', 'WHEN', 'CHANGED', 'BY', 'MESSAGE'] as const

export async function history(routes: SharedRoutes, project: string, flags: Flags): Promise<number> {
  const read = await routes.read()
  if (flags.json === true) {
    const records = read.history.map((document) => toRecord(document, read.current))
    process.stdout.write(`${JSON.stringify(records, null, 2)}\n`)
  } else if (read.history.length > 0) process.stdout.write(tableOf(read))
  else process.stderr.write(`no routes have been shared in the project "${project}"\n`)
  return 0
}

function tableOf({ current, history }: RoutesShelf): string {
  const rows = history.map((document, at) => [
    `${document.number}${document.number === current?.number ? ' *' : ''}`,
    document.at.replace(/\.\d+Z$/, 'Z'),
    document.set === undefined ? 'withdrawn' : countsOf(history[at + 1], document),
    document.by,
    document.message ?? '',
  ])
  return toTable([HEAD, ...rows])
}

/** `+2 ~1`, against the number before; of the oldest nobody knows any more. */
function countsOf(before: RoutesDocument | undefined, document: RoutesDocument): string {
  if (before === undefined && document.number > 1) return '?'
  const changes = differenceOf(setOf(before), setOf(document))
  const count = (change: string, mark: string): string[] => {
    const { length } = changes.filter((it) => it.change === change)
    return length === 0 ? [] : [`${mark}${length}`]
  }
  return [...count('added', '+'), ...count('changed', '~'), ...count('removed', '-')].join(' ') || '-'
}

function toRecord(document: RoutesDocument, current: RoutesDocument | undefined): Readonly<Record<string, unknown>> {
  const { number, at, by, message, format, set } = document
  return { number, inForce: number === current?.number, at, by, message, format, set }
}
