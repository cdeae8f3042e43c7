/** Loads the configuration of a process: flag > environment > file > default, all mistakes at once. */
import type { Settings } from '../core/options.ts'
import { hashesOf, readTexts } from './files.ts'
import { moveGarden } from './garden.ts'
import { placeOfOrigin, toError } from './mistake.ts'
import { bare, type Environment, type FlagValues, overlayEnvironment, overlayFlags } from './overlay.ts'
import { resolveSettings } from './resolve.ts'
import { resolveRegistry } from './resolve-registry.ts'
import { checkProduction, checkProjectName, checkTogether, type Role } from './rules.ts'
import { checkRedis } from './rules-limiter.ts'
import { configSchema } from './schema.ts'
import type { ConfigFile } from './shape.ts'
import { layShared, type NamedSet, sharedPart } from './shared-set.ts'
import { copyOf, emptyTree, originOf, type Tree } from './tree.ts'
import { validate } from './validate.ts'

export interface LoadOptions {
  /** By flag name, any spelling: `{ 'http-port': 8080, etcdAddr: '10.0.0.1:2379|10.0.0.2:2379', configs: 'conf' }`. */
  readonly flags?: FlagValues
  /** @default process.env */
  readonly env?: Environment
  /** @default process.cwd() */
  readonly cwd?: string
  /** A `tool` serves nothing: the rules of production do not apply. @default 'service' */
  readonly role?: Role
}

export interface Loaded {
  readonly settings: Settings
  /** What a person should know and what stops nothing, one line each. */
  readonly warnings: readonly string[]
  /** Absolute paths of the files that were read. */
  readonly files: readonly string[]
  /** Absolute; it need not be there. */
  readonly directory: string
  /** `service.serviceName` of go-garden's files, otherwise undefined: a service file names its service. */
  readonly serviceName: string | undefined
  /** Hashes of the bytes of those files that hold anything, by path: whether a save changed anything. */
  readonly hashes: ReadonlyMap<string, string>
  /** What the files say of routes and the defaults of all routes. */
  readonly shareable: Tree
  /** The settings with that set in place of {@link Loaded.shareable}. @throws GomsError for a set that is not valid */
  under(shared: NamedSet): Settings
  /** Where a value came from, by its keys: `configs/services.yml:8:26`, `flag -http_port`, …, or `default`. */
  where(...path: readonly string[]): string
  /** The same again: same flags, environment and directory. */
  reload(): Promise<Loaded>
}

/**
 * The settings of a process.
 * @throws GomsError GOMS_CONFIG_…, GOMS_NAME_INVALID, GOMS_USAGE (flags), GOMS_REGISTRY_NOT_CHOSEN, GOMS_CALL_KEY_WEAK;
 * several mistakes are one error whose cause is an AggregateError of all
 */
export async function loadSettings(options: LoadOptions = {}): Promise<Loaded> {
  const { flags = {}, env = process.env, cwd = process.cwd(), role = 'service' } = options
  const asked = askedDirectory(flags, env)
  const { directory, texts, mistakes } = await readTexts(cwd, asked?.directory ?? 'configs', asked?.by)
  const said = emptyTree()
  said.mistakes.push(...mistakes)
  // YAML takes half of the time of a start: imported where there is any.
  if (texts.length > 0) (await import('./reader.ts')).readInto(said, texts, configSchema)
  const serviceName = serviceNameOf(said)
  const aboutFiles = moveGarden(said)
  /** Lays over what the files say all that goes before it, and checks the whole. */
  const compose = (shared?: NamedSet): { tree: Tree; settings: Settings; warnings: readonly string[] } => {
    const tree = copyOf(said)
    if (shared !== undefined) layShared(tree, shared)
    const warnings = [...aboutFiles, ...overlayEnvironment(tree, env)]
    overlayFlags(tree, flags)
    const settings = check(tree, warnings, env.NODE_ENV === 'production', role)
    if (settings === undefined) throw toError(tree.mistakes)
    return { tree, settings, warnings }
  }
  const { tree, settings, warnings } = compose()
  return {
    settings,
    warnings,
    files: texts.map((text) => text.file),
    directory,
    serviceName,
    hashes: hashesOf(texts),
    shareable: sharedPart(said),
    under: (shared) => compose(shared).settings,
    where(...path) {
      const origin = originOf(tree, path)
      return origin === undefined ? 'default' : placeOfOrigin(origin)
    },
    reload: () => loadSettings({ ...options, env, cwd }),
  }
}

function askedDirectory(flags: FlagValues, env: Environment): { directory: string; by: string } | undefined {
  for (const [name, value] of Object.entries(flags)) {
    if (bare(name) === 'configs' && typeof value === 'string') return { directory: value, by: 'flag -configs' }
  }
  const directory = env.GOMS_CONFIGS
  return directory === undefined || directory === ''
    ? undefined
    : { directory, by: 'environment variable GOMS_CONFIGS' }
}

function serviceNameOf(tree: Tree): string | undefined {
  const service = tree.value.service as { serviceName?: unknown } | undefined
  return typeof service?.serviceName === 'string' ? service.serviceName : undefined
}

/** The settings, or undefined where the tree holds mistakes. */
function check(tree: Tree, warnings: string[], production: boolean, role: Role): Settings | undefined {
  const file: ConfigFile | undefined = validate(tree)
  if (file === undefined) return undefined
  checkProjectName(tree, file)
  const registry = resolveRegistry(tree, file, warnings)
  if (role !== 'tool') checkProduction(tree, registry, file.callServiceKey, production, warnings)
  const settings = resolveSettings(file, registry.options)
  checkTogether(tree, settings, warnings)
  if (role !== 'tool') checkRedis(tree, file)
  return tree.mistakes.length > 0 ? undefined : settings
}
