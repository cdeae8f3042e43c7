/** Writes shared routes: over those that were looked at only, and not at all where that would change nothing. */
import { isSameSet, type SharedSet } from '../config/shared-set.ts'
import { GomsError } from '../core/errors.ts'
import type { RoutesDocument, RoutesShelf, SharedRoutes } from '../registry/registry.ts'
import { ROUTES_FORMAT, tooNew } from '../registry/routes-value.ts'

export interface Push {
  readonly by: string
  readonly message?: string | undefined
  /** Undefined: withdraws what is shared. */
  readonly set: SharedSet | undefined
}

/** Others may write the same that was read anew; more often than this is a fight. */
const MAX_TURNS = 5

/** @throws GomsError GOMS_ROUTES_UNREADABLE for one of a newer format, which must not be written over */
export async function readRoutes(routes: SharedRoutes): Promise<RoutesShelf> {
  const read = await routes.read()
  if (read.current !== undefined && read.current.format > ROUTES_FORMAT) throw tooNew(read.current)
  return read
}

/** What is shared now; undefined: nothing. */
export function setOf(document: RoutesDocument | undefined): SharedSet | undefined {
  return document?.set as SharedSet | undefined
}

/**
 * The number that was written; undefined where it says what is shared already.
 * @param base what the change was decided upon
 * @throws GomsError GOMS_ROUTES_CONFLICT when something else was shared meanwhile; nothing is changed then
 */
export async function pushRoutes(
  routes: SharedRoutes,
  { by, message, set }: Push,
  base: RoutesShelf,
): Promise<RoutesDocument | undefined> {
  let read = base
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const held = setOf(read.current)
    if (isSameSet(held, set)) return undefined
    if (!isSameSet(held, setOf(base.current))) break
    const written = await routes.write(read, { by, message, set: set as RoutesDocument['set'] })
    if (written !== undefined) return written
    read = await readRoutes(routes)
  }
  throw conflict(read.current)
}

function conflict(current: RoutesDocument | undefined): GomsError {
  const who = current === undefined ? 'they were deleted' : `number ${current.number} by ${current.by}`
  return new GomsError(
    'GOMS_ROUTES_CONFLICT',
    `routes: others were shared meanwhile (${who}), and nothing was changed`,
    {
      detail: { fix: 'look at what is shared now (goms routes), and push again' },
    },
  )
}
