/** A JSON log file that never grows past its bounds and never holds up the process that writes it. */
import {
  closeSync,
  createWriteStream,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  type WriteStream,
} from 'node:fs'
import { join } from 'node:path'
import { GomsError } from '../core/errors.ts'

/** A file is put aside at this size. */
const MAX_FILE_BYTES = 10 * 1024 * 1024
/** Files that are kept, the current one included. */
const KEPT_FILES = 5
/** Lines waiting for a slow disk beyond this are dropped and counted. */
const MAX_PENDING_BYTES = 1024 * 1024

export interface LogFile {
  write(line: string): void
  /** Lines that a full or slow disk cost. */
  readonly dropped: number
  close(): Promise<void>
}

/**
 * Appends to `<dir>/<name>.log`, and turns it over at 10 MiB, keeping five.
 * @throws GomsError GOMS_CONFIG_INVALID where nothing can be written: a log that is missing is missed too late
 */
export function openLogFile(dir: string, name: string): LogFile {
  const path = join(dir, `${name}.log`)
  try {
    mkdirSync(dir, { recursive: true })
    closeSync(openSync(path, 'a'))
  } catch (thrown) {
    throw notWritable(dir, thrown)
  }
  let dropped = 0
  let bytes = sizeOf(path)
  let stream = open()

  function open(): WriteStream {
    const opened = createWriteStream(path, { flags: 'a' })
    // A full disk must not end the process: what cannot be written is counted.
    opened.on('error', () => dropped++)
    return opened
  }

  function turnOver(): void {
    stream.end()
    try {
      rmSync(`${path}.${KEPT_FILES - 1}`, { force: true })
      for (let i = KEPT_FILES - 2; i >= 1; i--) {
        if (sizeOf(`${path}.${i}`) > 0) renameSync(`${path}.${i}`, `${path}.${i + 1}`)
      }
      renameSync(path, `${path}.1`)
    } catch {
      dropped++
    }
    bytes = 0
    stream = open()
  }

  return {
    write(line) {
      if (stream.writableLength > MAX_PENDING_BYTES || stream.destroyed) {
        dropped++
        if (stream.destroyed) stream = open()
        return
      }
      stream.write(line)
      bytes += Buffer.byteLength(line)
      if (bytes >= MAX_FILE_BYTES) turnOver()
    },
    get dropped() {
      return dropped
    },
    close: () => new Promise((resolve) => (stream.destroyed ? resolve() : stream.end(() => resolve()))),
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
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
