/** `goms routes push`, `rollback` and `withdraw`: shares other routes, and shows what that changes. */
import { hostname, userInfo } from 'node:os'
import { checkRoutes } from '../app/check-routes.ts'
import { pushRoutes, readRoutes, setOf } from '../app/push-routes.ts'
import { type Mistake, placeOfOrigin, toError } from '../config/mistake.ts'
import { differenceOf } from '../config/route-difference.ts'
import { checkShared, readShared } from '../config/shared-files.ts'
import type { SharedSet } from '../config/shared-set.ts'
import type { RoutesDocument, RoutesShelf, SharedRoutes } from '../registry/registry.ts'
import { ROUTES_FORMAT, tooNew } from '../registry/routes-value.ts'
import type { Arguments } from './args.ts'
import { notThere, withCluster } from './onlooker.ts'
import { printChange } from './routes-output.ts'
import { usageMistake } from './usage.ts'

type Flags = Arguments['flags']

export async function push(flags: Flags, files: readonly string[]): Promise<number> {
  if (files.length === 0) throw usageMistake('routes', 'at least one file to push', ['push'])
  // Before anything is connected: whoever mistypes wants to know at once.
  const { set, part, left } = await readShared(process.cwd(), files)
  return withCluster(flags, async ({ cluster }) => {
    const { routes, view } = cluster.registry
    const { mistakes, doubts } = checkRoutes(part, view)
    const wrong = flags.strict === true ? [...mistakes, ...doubts] : mistakes
    if (wrong.length > 0) throw toError(wrong)
    const notes = left.length === 0 ? [] : [`not shared, and of no effect here: ${left.join(', ')}`]
    return change(routes, flags, { set, message: textOf(flags), warnings: doubts.map(lineOf), notes })
  })
}

export async function rollback(flags: Flags, [wanted, ...rest]: readonly string[]): Promise<number> {
  const isNumber = wanted === undefined || /^[1-9]\d{0,14}$/.test(wanted)
  if (!isNumber || rest.length > 0)
    throw usageMistake('routes', 'rollback and one number at most', ['rollback', wanted ?? '', ...rest])
  return withCluster(flags, async ({ cluster }) => {
    const { routes, view } = cluster.registry
    const base = await readRoutes(routes)
    const target = targetOf(base, wanted)
    if (target.format > ROUTES_FORMAT) throw tooNew(target)
    const message = textOf(flags) ?? `back to number ${target.number}`
    if (target.set === undefined) return change(routes, flags, { set: undefined, message }, base)
    const { set, part } = checkShared({ set: target.set, name: `routes number ${target.number}` })
    // It was in force once: whoever goes back in need is told, and not kept from it.
    const { mistakes, doubts } = checkRoutes(part, view)
    return change(routes, flags, { set, message, warnings: [...mistakes, ...doubts].map(lineOf) }, base)
  })
}

export async function withdraw(flags: Flags): Promise<number> {
  return withCluster(flags, ({ cluster }) =>
    change(cluster.registry.routes, flags, { set: undefined, message: textOf(flags) }),
  )
}

/** The one that was asked for, or the one before the current one. @throws GomsError NOT_FOUND */
function targetOf({ current, history }: RoutesShelf, wanted: string | undefined): RoutesDocument {
  const number = wanted === undefined ? undefined : Number(wanted)
  const before = history.filter((it) => current === undefined || it.number < current.number)
  const found = number === undefined ? before[0] : history.find((it) => it.number === number)
  if (found !== undefined) return found
  const known = history.map((it) => String(it.number))
  throw notThere('number', wanted ?? 'before the current one', known, 'numbers')
}

interface Wanted {
  readonly set: SharedSet | undefined
  readonly message: string | undefined
  readonly warnings?: readonly string[]
  readonly notes?: readonly string[]
}

async function change(routes: SharedRoutes, flags: Flags, wanted: Wanted, read?: RoutesShelf): Promise<number> {
  const base = read ?? (await readRoutes(routes))
  const { set, message, warnings = [], notes = [] } = wanted
  const dry = flags['dry-run'] === true
  const written = dry ? undefined : await pushRoutes(routes, { by: whoIsThis(), message, set }, base)
  const changes = differenceOf(setOf(base.current), set)
  printChange(
    { before: base.current, written, changes, warnings, notes, dry, withdrawn: set === undefined },
    flags.json === true,
  )
  return 0
}

function textOf({ message }: Flags): string | undefined {
  return typeof message === 'string' ? message : undefined
}

function lineOf({ message, origin, at, label }: Mistake): string {
  const place = origin === undefined ? '' : `${placeOfOrigin(origin, at)}: `
  return `${place}${message}${label === undefined ? '' : `, ${label}`}`
}

/** `bob@laptop`. In a container its user may have no name. */
function whoIsThis(): string {
  try {
    return `${userInfo().username}@${hostname()}`
  } catch {
    return `${process.getuid?.() ?? 'somebody'}@${hostname()}`
  }
}
