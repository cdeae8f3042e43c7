/** A JSON log file that never grows past its bounds and never holds up the process that writes it. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Clock, systemClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { claimName } from './log-name.ts'
import { createOutlet, type Drain, type Outlet } from './log-outlet.ts'

/** A file is put aside before it grows beyond this. */
const MAX_FILE_BYTES = 10 * 1024 * 1024
/** Files that are kept, the current one included. */
const KEPT_FILES = 5
/** So often it is looked whether the file is still where it was: others clean up too. */
const LOOK_MS = 1000
const LINE_FEED = 10

export interface LogFile {
  /** Without its directory. */
  readonly name: string
  readonly outlet: Outlet
}

export interface LogFileOptions {
  readonly clock?: Clock
  /** @default 10 MiB */
  readonly maxBytes?: number
  /** The line that tells how many were dropped. @default none is written */
  readonly told?: (dropped: number) => string
  /** Lines that were written are gone: the file could not be put aside, and began anew. @default nobody is told */
  readonly lost?: (bytes: number, cause: unknown) => void
}

/**
 * Appends to `<dir>/<name>.log`, and turns it over at 10 MiB, keeping five. Where another process has that name in this
 * directory, it is `<name>-2.log` and so on.
 * @throws GomsError GOMS_CONFIG_INVALID where nothing can be written: a log that is missing is missed too late
 */
export function openLogFile(dir: string, name: string, options: LogFileOptions = {}): LogFile {
  const { clock = systemClock, maxBytes = MAX_FILE_BYTES, told = () => '', lost = () => {} } = options
  try {
    mkdirSync(dir, { recursive: true })
    const claimed = claimName(dir, name, clock)
    const path = join(dir, `${claimed.name}.log`)
    try {
      closeSync(openSync(path, 'a'))
    } catch (thrown) {
      claimed.release()
      throw thrown
    }
    const last = (): void => outlet.flushNow()
    const drain = new TurningFile({ path, maxBytes, clock, lost, claim: claimed.renew }, () => {
      process.off('exit', last)
      claimed.release()
    })
    const outlet = createOutlet({ drain, clock, told })
    process.on('exit', last)
    return { name: `${claimed.name}.log`, outlet }
  } catch (thrown) {
    throw notWritable(dir, thrown)
  }
}

interface TurningFileParts {
  readonly path: string
  readonly maxBytes: number
  readonly clock: Clock
  readonly lost: NonNullable<LogFileOptions['lost']>
  /** Makes sure that the name is this process's. */
  claim(): void
}

class TurningFile implements Drain {
  readonly #parts: TurningFileParts
  readonly #path: string
  #file: FileHandle | undefined
  #inode = 0
  #bytes = 0
  #lookedMs = 0
  /** A file is put aside between lines only. */
  #betweenLines = true

  readonly #closed: () => void

  constructor(parts: TurningFileParts, closed: () => void) {
    this.#parts = parts
    this.#path = parts.path
    this.#closed = closed
  }

  async write(bytes: Buffer): Promise<number> {
    let file = await this.#opened()
    if (this.#betweenLines && this.#bytes > 0 && this.#bytes + bytes.length > this.#parts.maxBytes) {
      await this.#turnOver(file)
      file = await this.#opened()
    }
    const { bytesWritten } = await file.write(bytes)
    this.#bytes += bytesWritten
    if (bytesWritten > 0) this.#betweenLines = bytes[bytesWritten - 1] === LINE_FEED
    return bytesWritten
  }

  /** What is left at the end fits: it is at most what waits, and it is better in a file a little too long than nowhere. */
  writeNow(bytes: Buffer): number {
    const fd = openSync(this.#path, 'a')
    try {
      return writeSync(fd, bytes)
    } finally {
      closeSync(fd)
    }
  }

  async close(): Promise<void> {
    await this.#letGo()
    this.#closed()
  }

  async #opened(): Promise<FileHandle> {
    const nowMs = this.#parts.clock.now()
    if (this.#file !== undefined && nowMs - this.#lookedMs >= LOOK_MS) {
      this.#lookedMs = nowMs
      const there = await stat(this.#path).catch(() => undefined)
      if (there?.ino !== this.#inode) await this.#letGo()
    }
    if (this.#file === undefined) {
      // Others clean up too, directory and all; without the claim a second process would write the same file.
      await mkdir(dirname(this.#path), { recursive: true })
      this.#parts.claim()
      const file = await open(this.#path, 'a')
      const { ino, size } = await file.stat()
      this.#file = file
      this.#inode = ino
      this.#bytes = size
      this.#lookedMs = nowMs
    }
    return this.#file
  }

  async #letGo(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {})
  }

  /** Where it cannot be put aside, it begins anew all the same: the bound holds, and new lines are worth more than old ones. */
  async #turnOver(file: FileHandle): Promise<void> {
    try {
      await rm(`${this.#path}.${KEPT_FILES - 1}`, { force: true })
      for (let i = KEPT_FILES - 2; i >= 1; i--) {
        await rename(`${this.#path}.${i}`, `${this.#path}.${i + 1}`).catch(unlessMissing)
      }
      await rename(this.#path, `${this.#path}.1`)
      await this.#letGo()
    } catch (cause) {
      await file.truncate(0)
      this.#parts.lost(this.#bytes, cause)
      this.#bytes = 0
    }
  }
}

function unlessMissing(thrown: { code?: unknown }): void {
  if (thrown.code !== 'ENOENT') throw thrown
}

function notWritable(dir: string, cause: unknown): GomsError {
  return new GomsError('GOMS_CONFIG_INVALID', `runtime: no log can be written to ${dir}`, {
    cause,
    detail: {
      found: cause instanceof Error ? cause.message : String(cause),
      expected: 'a directory that this user may write to, or make',
      fix: 'choose another one: `-runtime <directory>`, or leave it out',
    },
  })
}
