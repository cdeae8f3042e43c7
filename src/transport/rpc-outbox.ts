/** What goes out on one connection: frames are written into a slab, and the slab leaves in one write for each turn. */
import type { Socket } from 'node:net'
import type { FrameWriter } from '../rpcx/writer.ts'

/** A slab that is this full leaves before its turn is over. */
const EARLY_BYTES = 48 * 1024
/** Writers that are kept without a connection: each holds a slab of 64 KiB. */
const KEPT_WRITERS = 16

/**
 * Brings what the connections of one side share: the turn, at whose end all that have something to send send it, and the
 * writers, which only connections with something to send hold.
 */
export class OutboxTurn {
  readonly #createWriter: () => FrameWriter
  readonly #writers: FrameWriter[] = []
  #dirty: Outbox[] = []
  #scheduled = false

  constructor(createWriter: () => FrameWriter) {
    this.#createWriter = createWriter
  }

  takeWriter(): FrameWriter {
    return this.#writers.pop() ?? this.#createWriter()
  }

  giveWriter(writer: FrameWriter): void {
    if (this.#writers.length < KEPT_WRITERS) this.#writers.push(writer)
  }

  add(outbox: Outbox): void {
    this.#dirty.push(outbox)
    if (this.#scheduled) return
    this.#scheduled = true
    // After the turn's promise continuations: those that send as well share the write.
    setImmediate(this.#end)
  }

  readonly #end = (): void => {
    this.#scheduled = false
    const dirty = this.#dirty
    this.#dirty = []
    for (const outbox of dirty) outbox.flush()
  }
}

export class Outbox {
  readonly #turn: OutboxTurn
  #socket: Socket | undefined
  #writer: FrameWriter | undefined
  /** What left the writer before there was a connection. */
  #held: Buffer[] = []
  #heldBytes = 0
  #inTurn = false
  #closed = false
  /** Bytes that the socket had not passed on after the last write: looked at again only where it decides something. */
  #lastUnsentBytes = 0

  readonly #written: () => void

  /** @param written called after what waited has been handed to the socket */
  constructor(turn: OutboxTurn, written: () => void = () => {}) {
    this.#turn = turn
    this.#written = written
  }

  /** Bytes that have not been taken by the system. */
  get waitingBytes(): number {
    return this.#heldBytes + (this.#writer?.waitingBytes ?? 0) + (this.#socket?.writableLength ?? 0)
  }

  /** Whether more than that waits; asked for every request, so nearly always by a comparison. */
  exceeds(limitBytes: number): boolean {
    return this.#lastUnsentBytes + this.#heldBytes > limitBytes && this.waitingBytes > limitBytes
  }

  /** The connection is there: what was held goes first. */
  open(socket: Socket): void {
    this.#socket = socket
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    for (const bytes of held) socket.write(bytes)
    this.#lastUnsentBytes = socket.writableLength
    this.flush()
    if (held.length > 0) this.#written()
  }

  /** Where the next frame is written; `done` or the writer's `rewind` must follow before anything else runs. */
  writer(): FrameWriter {
    this.#writer ??= this.#turn.takeWriter()
    return this.#writer
  }

  /** The frame is whole: it leaves at the end of the turn. */
  done(): void {
    if ((this.#writer as FrameWriter).waitingBytes >= EARLY_BYTES) this.flush()
    else this.touch()
  }

  /** Whoever reads now calls `flush` when the read is over: no turn is needed until then. */
  hold(): void {
    this.#inTurn = true
  }

  /** Something is in the writer. */
  touch(): void {
    if (this.#inTurn) return
    this.#inTurn = true
    this.#turn.add(this)
  }

  /** The frame written last, by itself; those before it leave now. */
  takeLast(): Buffer {
    const writer = this.#writer as FrameWriter
    const lastBytes = writer.position - writer.frameStart
    const all = writer.take()
    this.#write(all.subarray(0, all.length - lastBytes))
    return all.subarray(all.length - lastBytes)
  }

  /** Sends bytes that are whole frames, after all that was written so far. */
  push(frames: Buffer): void {
    this.flush()
    this.#write(frames)
  }

  flush(): void {
    this.#inTurn = false
    const writer = this.#writer
    if (writer === undefined) return
    this.#writer = undefined
    if (writer.waitingBytes > 0) this.#write(writer.take())
    this.#turn.giveWriter(writer)
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true
    this.#held = []
    this.#heldBytes = 0
    this.flush()
  }

  #write(bytes: Buffer): void {
    if (bytes.length === 0 || this.#closed) return
    if (this.#socket !== undefined) {
      this.#socket.write(bytes)
      this.#lastUnsentBytes = this.#socket.writableLength
      this.#written()
      return
    }
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
  }
}
