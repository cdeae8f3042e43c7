/** Reads what is going to be shared out of files: a whole configuration, or routes alone. Loaded by who pushes only. */
import { resolve } from 'node:path'
import { readText } from './files.ts'
import { moveGarden } from './garden.ts'
import { toError } from './mistake.ts'
import { readInto } from './reader.ts'
import { resolveSettings } from './resolve.ts'
import { resolveRegistry } from './resolve-registry.ts'
import { checkTogether } from './rules.ts'
import { configSchema } from './schema.ts'
import { layShared, type NamedSet, SHARED_KEYS, type SharedSet, sharedPart } from './shared-set.ts'
import { emptyTree, type Tree } from './tree.ts'
import { validate } from './validate.ts'

/** What is going to be shared, checked as the files of a process are. */
export interface CheckedSet {
  readonly set: SharedSet
  /** The same with its places, for what else may be wrong with it. */
  readonly part: Tree
}

export interface SharedFiles extends CheckedSet {
  /** Keys of the files that are not shared, as we call them. */
  readonly left: readonly string[]
}

/**
 * What several files say together, as a process reads them.
 * @throws GomsError GOMS_CONFIG_…, GOMS_NAME_INVALID; several mistakes are one error whose cause is an AggregateError of all
 */
export async function readShared(cwd: string, files: readonly string[]): Promise<SharedFiles> {
  const tree = emptyTree()
  for (const file of files) {
    const text = await readText(cwd, resolve(cwd, file))
    if (text === undefined) tree.mistakes.push({ code: 'GOMS_CONFIG_UNREADABLE', message: `${file} is not there` })
    else if ('code' in text) tree.mistakes.push(text)
    else readInto(tree, [text], configSchema)
  }
  const left = Object.keys(tree.value).filter((key) => !(SHARED_KEYS as readonly string[]).includes(key))
  moveGarden(tree)
  const part = sharedPart(tree)
  part.mistakes.push(...tree.mistakes)
  const set = check(part)
  if (Object.keys(set).length > 0) return { set, part, left }
  const message = `${files.join(', ')}: nothing of it can be shared`
  const fix = `the files may hold ${[...SHARED_KEYS].reverse().join(', ')}`
  throw toError([{ code: 'GOMS_CONFIG_INVALID', message, fix: [fix] }])
}

/** A set that was shared before. @throws GomsError GOMS_CONFIG_…, GOMS_NAME_INVALID: whoever shared it knew better */
export function checkShared(named: NamedSet): CheckedSet {
  const part = emptyTree()
  layShared(part, named)
  return { set: check(part), part }
}

function check(part: Tree): SharedSet {
  const file = validate(part)
  if (file !== undefined) {
    const warnings: string[] = []
    checkTogether(part, resolveSettings(file, resolveRegistry(part, file, warnings).options), warnings)
  }
  if (file === undefined || part.mistakes.length > 0) throw toError(part.mistakes)
  return file
}
