/** A connection without a network: two ends in one process that look like sockets to HTTP and RPC alike. */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

type Done = (error?: Error | null) => void

class MemorySocket extends Duplex {
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort = 0
  bytesWritten = 0
  /** The other end; set right after both are made. */
  other: MemorySocket | undefined
  #held: Done | undefined

  constructor() {
    super({ allowHalfOpen: false })
    // An end that nobody holds any more, or never took, ends no process.
    this.on('error', () => {})
  }

  override _read(): void {
    const held = this.#held
    this.#held = undefined
    held?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.bytesWritten += chunk.length
    // A moment later, as a network would: nobody runs within somebody else's write.
    process.nextTick(() => {
      const { other } = this
      if (other === undefined || other.destroyed) done(broken('EPIPE'))
      else if (other.push(chunk)) done()
      else other.#held = done
    })
  }

  override _final(done: Done): void {
    process.nextTick(() => {
      if (this.other?.destroyed === false) this.other.push(null)
      done()
    })
  }

  override _destroy(error: Error | null, done: Done): void {
    const { other } = this
    this.#held?.(broken('EPIPE'))
    this.#held = undefined
    process.nextTick(() => {
      if (other === undefined || other.destroyed) return
      if (error === null) other.push(null)
      else other.destroy(broken('ECONNRESET'))
    })
    done(error)
  }

  destroySoon(): void {
    if (this.writableFinished) this.destroy()
    else this.end(() => this.destroy())
  }

  /** What only a real socket has something to do for. */
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  setTimeout(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}

/** Both ends of a new connection. */
export function socketPair(): { readonly client: Socket; readonly server: Socket } {
  const client = new MemorySocket()
  const server = new MemorySocket()
  client.other = server
  server.other = client
  return { client: client as unknown as Socket, server: server as unknown as Socket }
}

/** An error as the system gives it. */
export function broken(code: 'ECONNREFUSED' | 'ECONNRESET' | 'EPIPE'): Error {
  return Object.assign(new Error(`${code}: the other end is gone`), { code })
}
