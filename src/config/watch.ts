/**
 * Keeps the configuration up to date while the process runs: a good save is applied within a second, a broken one
 * leaves the last good one in force and is said once. Survives renames, ConfigMap swaps, emptied and half-written files.
 */
import { type FSWatcher, unwatchFile, watch, watchFile } from 'node:fs'
import { type Clock, systemClock, type Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { hashesOf, pathsIn, readTexts } from './files.ts'
import type { InForce } from './in-force.ts'
import type { Loaded } from './load.ts'

/** Editors and `kubectl` write in several steps: wait until they are through … */
const DEBOUNCE_MS = 100
/** … but not for ever, when something writes all the time. */
const MAX_WAIT_MS = 400
/** For what `fs.watch` misses: network file systems, and the directory itself replaced. */
const POLL_MS = 500

export interface SettingsWatch {
  close(): void
}

/**
 * Watches the directory that the files in force were read from, and hands on what is saved there, once a good save.
 * Never throws, and does not keep the process alive.
 */
export function watchSettings(inForce: InForce, log: Log, clock: Clock = systemClock): SettingsWatch {
  return new Watch(inForce, log, clock)
}

class Watch implements SettingsWatch {
  readonly #started: Loaded
  readonly #inForce: InForce
  readonly #log: Log
  readonly #clock: Clock
  readonly #paths: readonly string[]
  readonly #onPoll = (): void => this.#poke()
  #watcher: FSWatcher | undefined
  #timer: Timer | undefined
  #firstPokeAt: number | undefined
  #busy = false
  #again = false
  #closed = false
  /** Contents that were looked at last, good or broken: the same ones are not looked at again. */
  #seen: string
  /** What was good last, to tell an emptied file from one that never said anything. */
  #good: ReadonlyMap<string, string>
  #broken = false

  constructor(inForce: InForce, log: Log, clock: Clock) {
    const { loaded } = inForce
    this.#started = loaded
    this.#inForce = inForce
    this.#log = log
    this.#clock = clock
    this.#good = loaded.hashes
    this.#seen = fingerprint(loaded.hashes)
    this.#paths = pathsIn(loaded.directory)
    this.#arm()
    for (const path of this.#paths) watchFile(path, { interval: POLL_MS, persistent: false }, this.#onPoll)
    // A save between the load and this line.
    this.#poke()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#watcher?.close()
    for (const path of this.#paths) unwatchFile(path, this.#onPoll)
  }

  /** The directory rather than the files: a rename over a file, or a swapped link, ends a watch on the file itself. */
  #arm(): void {
    try {
      this.#watcher = watch(this.#started.directory, { persistent: false }, () => this.#poke())
      // Polling goes on, so losing the watch costs half a second and nothing else.
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {
      this.#watcher = undefined
    }
  }

  #poke(): void {
    if (this.#closed) return
    const now = this.#clock.now()
    this.#firstPokeAt ??= now
    this.#timer?.cancel()
    const waitMs = Math.max(0, Math.min(DEBOUNCE_MS, this.#firstPokeAt + MAX_WAIT_MS - now))
    this.#timer = this.#clock.after(waitMs, () => {
      this.#firstPokeAt = undefined
      void this.#look()
    })
  }

  async #look(): Promise<void> {
    if (this.#busy) {
      this.#again = true
      return
    }
    this.#busy = true
    try {
      const hashes = await stateOf(this.#started.directory)
      if (this.#closed || fingerprint(hashes) === this.#seen) return
      await this.#read(hashes)
    } finally {
      this.#busy = false
      if (this.#again) {
        this.#again = false
        this.#poke()
      }
    }
  }

  async #read(hashes: ReadonlyMap<string, string>): Promise<void> {
    const lost = [...this.#good.keys()].filter((file) => !hashes.has(file))
    let next: Loaded | undefined
    let error: unknown
    if (lost.length === 0) {
      try {
        next = await this.#started.reload()
      } catch (thrown) {
        error = thrown
      }
    }
    // Several files saved together: what was read while they changed may be a mix, so it is read again.
    const after = await stateOf(this.#started.directory)
    if (this.#closed) return
    if (fingerprint(after) !== fingerprint(next?.hashes ?? hashes)) {
      this.#again = true
      return
    }
    this.#seen = fingerprint(after)
    if (next !== undefined) this.#apply(next)
    else this.#keep(lost, error)
  }

  #apply(next: Loaded): void {
    this.#good = next.hashes
    if (this.#broken) this.#log.info('configuration: good again')
    this.#broken = false
    this.#inForce.save(next)
  }

  #keep(lost: readonly string[], error: unknown): void {
    this.#broken = true
    if (lost.length > 0) {
      this.#log.error(
        `configuration: ${lost.join(', ')} is gone or empty; the last good one stays in force until a restart`,
      )
      return
    }
    const one = GomsError.from(error)
    this.#log.error(`configuration: the last good one stays in force: ${one.code}: ${one.message}`, { code: one.code })
    // A log has no line breaks within a message, and a frame without them shows nothing.
    for (const line of one.detail?.frame?.split('\n') ?? []) this.#log.error(line)
  }
}

/** What is there now; a file that cannot be read is a state like another, said once. */
async function stateOf(directory: string): Promise<ReadonlyMap<string, string>> {
  const { texts, mistakes } = await readTexts(directory, '.', undefined)
  const state = hashesOf(texts)
  mistakes.forEach((mistake, i) => {
    state.set(`mistake ${i}`, mistake.message)
  })
  return state
}

function fingerprint(hashes: ReadonlyMap<string, string>): string {
  return [...hashes]
    .map(([file, hash]) => `${file}\0${hash}`)
    .sort()
    .join('\n')
}
