/**
 * Takes lines and writes them in order, never holding up who writes them: what a full disk or a reader that stopped does not
 * take waits in a bounded queue, and what does not fit there is dropped, counted, and told once it flows again.
 */
import type { Clock, Timer } from '../core/clock.ts'

/** Where an outlet's bytes go. */
export interface Drain {
  /**
   * Writes what can be written without waiting, or promises to; resolves to the number of bytes, at least one.
   * @throws an error with the system's code; `EAGAIN`: not now
   */
  write(bytes: Buffer): number | Promise<number>
  /** The same at the end of the process, when nothing can be waited for. */
  writeNow(bytes: Buffer): number
  close?(): void | Promise<void>
}

export interface OutletOptions {
  readonly drain: Drain
  readonly clock: Clock
  /** The line that tells how many were dropped. */
  readonly told: (dropped: number) => string
}

export interface Outlet {
  /** Soon: with what else is said in this turn of the loop. */
  write(line: string): void
  /** Within 100 ms: for lines of which there are many. */
  writeLater(line: string): void
  /** Lines that were dropped since the start. */
  readonly dropped: number
  /** Bytes that wait. */
  readonly waitingBytes: number
  /** For the end of the process: what goes without waiting, within 100 ms. */
  flushNow(): void
  /** Resolves when all is written, or after `boundMs`. Lines that come afterwards are dropped. */
  close(boundMs?: number): Promise<void>
}

/** Lines that wait beyond this are dropped. */
export const MAX_WAITING_BYTES: number = 1024 * 1024
/** Written at a time; a file is put aside between two of them. */
const BATCH_BYTES = 65_536
const LATER_MS = 100
/** A reader that stopped, or a full disk, is tried again after the first, twice as long each time up to the second. */
const RETRY_MS = 5
const MAX_RETRY_MS = 500
const CLOSE_MS = 500
const LAST_MS = 100
const LAST_LOOK_MS = 5

/** What may pass: a reader that stopped, a disk that is full or was taken away. */
const PASSING: ReadonlySet<string> = new Set([
  'EAGAIN',
  'ENOSPC',
  'EDQUOT',
  'EACCES',
  'EROFS',
  'ENOENT',
  'EMFILE',
  'ENFILE',
  'EIO',
])

export function createOutlet(options: OutletOptions): Outlet {
  return new BoundedOutlet(options)
}

/** A line of our own among those that wait: where it stands, and how many it tells of. */
interface Telling {
  readonly at: number
  readonly of: number
}

class BoundedOutlet implements Outlet {
  readonly #drain: Drain
  readonly #clock: Clock
  readonly #told: (dropped: number) => string
  #lines: string[] = []
  #lineBytes = 0
  /** What is being written, what of it has been, and the lines in it. */
  #batch: Buffer | undefined
  #batchFrom = 0
  #batchLines = 0
  #tellings: Telling[] = []
  #batchTellings: Telling[] = []
  #busy = false
  /** A line of this turn was written at once; the others go together. */
  #inTurn = false
  #later: Timer | undefined
  #retry: Timer | undefined
  #retryMs = RETRY_MS
  #untold = 0
  #closed = false
  #whenEmpty: (() => void)[] = []
  dropped = 0

  constructor({ drain, clock, told }: OutletOptions) {
    this.#drain = drain
    this.#clock = clock
    this.#told = told
  }

  get waitingBytes(): number {
    return this.#lineBytes + (this.#batch === undefined ? 0 : this.#batch.length - this.#batchFrom)
  }

  write(line: string): void {
    if (!this.#take(line) || this.#inTurn) return
    this.#inTurn = true
    setImmediate(() => {
      this.#inTurn = false
      this.#run()
    })
    this.#run()
  }

  writeLater(line: string): void {
    if (!this.#take(line)) return
    if (this.#lineBytes >= BATCH_BYTES) this.#run()
    else this.#later ??= this.#clock.after(LATER_MS, () => this.#run())
  }

  #take(line: string): boolean {
    if (this.#closed) return this.#lose(1)
    const bytes = Buffer.byteLength(line)
    if (this.waitingBytes + bytes > MAX_WAITING_BYTES) return this.#lose(1)
    if (this.#untold > 0) this.#tell()
    this.#lines.push(line)
    this.#lineBytes += bytes
    return true
  }

  #lose(count: number): false {
    this.dropped += count
    this.#untold += count
    return false
  }

  /** Where the dropped lines would have stood. */
  #tell(): void {
    const line = this.#told(this.#untold)
    this.#tellings.push({ at: this.#lines.length, of: this.#untold })
    this.#untold = 0
    this.#lines.push(line)
    this.#lineBytes += Buffer.byteLength(line)
  }

  #run(): void {
    this.#later?.cancel()
    this.#later = undefined
    if (this.#busy || this.#retry !== undefined) return
    while (this.#next()) {
      let wrote: number | Promise<number>
      try {
        wrote = this.#drain.write(this.#rest())
      } catch (thrown) {
        this.#failed(thrown)
        return
      }
      if (typeof wrote !== 'number') {
        this.#busy = true
        wrote.then(
          (bytes) => {
            this.#busy = false
            this.#wrote(bytes)
            this.#run()
          },
          (thrown) => {
            this.#busy = false
            this.#failed(thrown)
          },
        )
        return
      }
      this.#wrote(wrote)
    }
    for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  #rest(): Buffer {
    const batch = this.#batch as Buffer
    return this.#batchFrom === 0 ? batch : batch.subarray(this.#batchFrom)
  }

  /** Whether there is something to write. Batches hold whole lines. */
  #next(): boolean {
    if (this.#batch !== undefined) return true
    if (this.#lines.length === 0) {
      if (this.#untold === 0 || this.#closed) return false
      this.#tell()
    }
    let count = this.#lines.length
    if (this.#lineBytes > BATCH_BYTES) {
      count = 0
      for (let bytes = 0; count < this.#lines.length; count++) {
        bytes += Buffer.byteLength(this.#lines[count] as string)
        if (count > 0 && bytes > BATCH_BYTES) break
      }
    }
    const whole = count === this.#lines.length
    const batch = Buffer.from((whole ? this.#lines : this.#lines.slice(0, count)).join(''))
    this.#lines = whole ? [] : this.#lines.slice(count)
    this.#lineBytes -= batch.length
    this.#batch = batch
    this.#batchFrom = 0
    this.#batchLines = count
    if (this.#tellings.length > 0 || this.#batchTellings.length > 0) {
      this.#batchTellings = this.#tellings.filter(({ at }) => at < count)
      this.#tellings = this.#tellings.filter(({ at }) => at >= count).map(({ at, of }) => ({ at: at - count, of }))
    }
    return true
  }

  #wrote(bytes: number): void {
    this.#retryMs = RETRY_MS
    this.#batchFrom += bytes
    if (this.#batch !== undefined && this.#batchFrom >= this.#batch.length) this.#batch = undefined
  }

  #failed(thrown: unknown): void {
    const code = (thrown as { code?: unknown } | null)?.code
    // Nobody reads any more, or never will: lines are not kept for that, but the next one tries again.
    if (typeof code !== 'string' || !PASSING.has(code)) {
      // A telling that is lost is told again, and is no line of anybody's.
      const tellings = [...this.#batchTellings, ...this.#tellings]
      this.#lose((this.#batch === undefined ? 0 : this.#batchLines) + this.#lines.length - tellings.length)
      for (const { of } of tellings) this.#untold += of
      this.#tellings = []
      this.#batchTellings = []
      this.#batch = undefined
      this.#lines = []
      this.#lineBytes = 0
      for (const resolve of this.#whenEmpty.splice(0)) resolve()
      return
    }
    this.#retry = this.#clock.after(this.#retryMs, () => {
      this.#retry = undefined
      this.#run()
    })
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2)
  }

  flushNow(): void {
    const until = performance.now() + LAST_MS
    // One that is being written elsewhere goes its way; what follows may come before it, and is not lost.
    if (this.#busy) this.#batch = undefined
    while (this.#next()) {
      try {
        this.#wrote(this.#drain.writeNow(this.#rest()))
      } catch (thrown) {
        if ((thrown as { code?: unknown } | null)?.code !== 'EAGAIN' || performance.now() > until) return
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_LOOK_MS)
      }
    }
  }

  async close(boundMs = CLOSE_MS): Promise<void> {
    if (this.#closed) return
    if (this.#untold > 0) this.#tell()
    this.#closed = true
    await new Promise<void>((resolve) => {
      this.#whenEmpty.push(resolve)
      this.#clock.after(boundMs, resolve)
      this.#run()
    })
    await this.#drain.close?.()
  }
}
