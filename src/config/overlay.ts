/** Lays environment variables and flags over what the files say: flag > environment > file. */
import { didYouMean } from './did-you-mean.ts'
import { CONFIG_FLAGS, expectedOf, type Flag, type FlagValue, parseFlag } from './flags.ts'
import { type Origin, shown } from './mistake.ts'
import { pathKey, type Tree } from './tree.ts'

export type FlagValues = Readonly<Record<string, FlagValue | undefined>>
export type Environment = Readonly<Record<string, string | undefined>>

/** Variables that are ours and no key: read elsewhere. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set([
  'GOMS_CONFIGS',
  'GOMS_REQUIRE_SERVERS',
  'GOMS_LONG',
  'GOMS_TOKEN',
])

/** An empty variable is one that is not set: `GOMS_REGISTRY= goms start`. */
export function overlayEnvironment(tree: Tree, env: Environment): string[] {
  const warnings: string[] = []
  const known = new Map(CONFIG_FLAGS.map((flag) => [flag.env ?? '', flag]))
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('GOMS_') || text === undefined || text === '' || OTHER_VARIABLES.has(name)) continue
    const flag = known.get(name)
    if (flag !== undefined) lay(tree, flag, text, { kind: 'env', name })
    else {
      // Not a mistake: another program's variable may begin like ours. Said where it was probably meant for us.
      const near = didYouMean(name, known.keys())
      if (near !== undefined) warnings.push(`environment variable ${name} is not known, did you mean ${near}?`)
    }
  }
  return warnings
}

/** Values by flag name, as `args.ts` gives them (`http-port`) or in the file's spelling (`httpPort`, `http_port`). */
export function overlayFlags(tree: Tree, flags: FlagValues): void {
  const known = new Map(CONFIG_FLAGS.map((flag) => [bare(flag.name), flag]))
  for (const [name, value] of Object.entries(flags)) {
    const flag = known.get(bare(name))
    if (flag === undefined || value === undefined || flag.key === undefined) continue
    lay(tree, flag, value, { kind: 'flag', name: `-${flag.name.replaceAll('-', '_')}` })
  }
}

export function bare(name: string): string {
  return name.replace(/[-_]/g, '').toLowerCase()
}

function lay(tree: Tree, flag: Flag, given: FlagValue, origin: Origin & { kind: 'flag' | 'env' }): void {
  const value = typeof given === 'string' ? parseFlag(flag, given) : given
  if (value === undefined) {
    const expected = expectedOf(flag)
    const near = typeof given === 'string' ? didYouMean(given, flag.choices ?? []) : undefined
    tree.mistakes.push({
      code: origin.kind === 'flag' ? 'GOMS_USAGE' : 'GOMS_CONFIG_INVALID',
      message: `expected ${origin.name} to be ${expected}, got ${shown(given)}`,
      origin,
      expected,
      found: String(given),
      fix: near === undefined ? [] : [`did you mean "${near}"?`],
    })
    return
  }
  const path = flag.key ?? []
  let into = tree.value
  for (const name of path.slice(0, -1)) {
    const inner = into[name]
    const block = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : {}
    into[name] = block
    into = block as Record<string, unknown>
  }
  const last = path.at(-1)
  if (last === undefined) return
  into[last] = Array.isArray(value) ? [...value] : value
  for (const key of tree.origins.keys()) if (key.startsWith(`${pathKey(path)}\0`)) tree.origins.delete(key)
  tree.origins.set(pathKey(path), origin)
}
