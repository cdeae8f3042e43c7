/**
 * The settings in force: what files, environment and flags say, with shared routes in the place of the files' own. The one
 * place where a save and a push meet, so that what comes of both is applied as a whole, in the order in which they came.
 */
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import { changedPaths, isLive, withLive } from './changes.ts'
import type { Loaded } from './load.ts'
import { isSameSet } from './shared-set.ts'

/** Shared routes, or the word that there are none any more. */
export interface SharedNumber {
  readonly number: number
  /** Undefined: withdrawn. */
  readonly set?: Readonly<Record<string, unknown>> | undefined
}

export interface InForceOptions {
  /**
   * Paths in the settings that `onChange` puts into effect; a change of any other is said to need a restart.
   * @default ['routes', 'policy', 'user']
   */
  readonly live?: readonly string[]
  /** Told of a good save that changed what can be shared. @default it is said that such a save has no effect while a set is shared */
  readonly saved?: ((loaded: Loaded) => void) | undefined
}

export interface InForce {
  readonly settings: Settings
  /** The last good files. */
  readonly loaded: Loaded
  /** Files that are good were saved. Never throws. */
  save(next: Loaded): void
  /**
   * Takes shared routes, or undefined where there are none. Nothing changes when it throws.
   * @throws GomsError GOMS_CONFIG_… for a set that this process cannot go by
   */
  share(shared: SharedNumber | undefined): void
}

/** `onChange` gets the settings with what may change while running, all else as it was, and the paths that changed. */
export function createInForce(
  started: Loaded,
  onChange: (settings: Settings, changed: readonly string[]) => void,
  log: Log,
  { live = ['routes', 'policy', 'user'], saved }: InForceOptions = {},
): InForce {
  let loaded = started
  let shared: SharedNumber | undefined
  let { settings } = started
  let restartSaid = ''

  function under(files: Loaded, next: SharedNumber | undefined): Settings {
    return next?.set === undefined ? files.settings : files.under({ set: next.set, name: nameOf(next) })
  }

  function enter(fresh: Settings): readonly string[] {
    const next = withLive(settings, fresh, live)
    const changed = changedPaths(settings, next)
    settings = next
    if (changed.length > 0) onChange(settings, changed)
    return changed
  }

  function sayRestart(next: Loaded): void {
    const restart = changedPaths(started.settings, next.settings)
      .filter((path) => !isLive(path, live))
      .join(', ')
    if (restart === restartSaid) return
    restartSaid = restart
    if (restart !== '') log.warn(`configuration: changed and in force after a restart: ${restart}`)
  }

  function sayShareable(before: Loaded): void {
    if (isSameSet(before.shareable.value, loaded.shareable.value)) return
    if (saved !== undefined) saved(loaded)
    else if (shared?.set !== undefined) {
      log.info(`configuration: the routes of the files are not in force while ${nameOf(shared)} are shared`)
    }
  }

  return {
    get settings() {
      return settings
    },
    get loaded() {
      return loaded
    },
    save(next) {
      for (const warning of next.warnings) if (!started.warnings.includes(warning)) log.warn(warning)
      sayRestart(next)
      const before = loaded
      try {
        const fresh = under(next, shared)
        loaded = next
        const changed = enter(fresh)
        if (changed.length > 0) log.info(`configuration: reloaded (${changed.join(', ')})`)
      } catch (error) {
        log.error(`configuration: could not be put into effect: ${GomsError.from(error).message}`)
      }
      sayShareable(before)
    },
    share(next) {
      const fresh = under(loaded, next)
      shared = next
      enter(fresh)
    },
  }
}

function nameOf({ number }: SharedNumber): string {
  return `routes number ${number}`
}
