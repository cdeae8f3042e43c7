/** What llhttp makes of a stream of bytes, as node:http runs it on both sides, over connections without a network. */
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { Duplex } from 'node:stream'
import type { Message, Reading } from './own-reader.ts'

/** A connection whose other side is whoever calls `push`. */
class Wire extends Duplex {
  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done()
  }

  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Bytes to read, cut into pieces. */
export interface Stream {
  readonly bytes: Buffer
  readonly cuts: readonly number[]
}

/** Reads streams of requests; many at once, for each takes some turns of the loop. */
export class NodeRequests {
  readonly #server: Server
  readonly #readings = new Map<Duplex, Reading>()

  constructor() {
    this.#server = createServer({ insecureHTTPParser: false, requireHostHeader: true, keepAliveTimeout: 0 })
    this.#server.timeout = 0
    const onRequest = (req: IncomingMessage): void => {
      const reading = this.#of(req.socket)
      const start = `${req.method} ${req.url} ${req.httpVersion}`
      collect(req, start, reading)
    }
    this.#server.on('request', onRequest)
    this.#server.on('checkContinue', onRequest)
    this.#server.on('checkExpectation', onRequest)
    this.#server.on('connect', (req: IncomingMessage) => {
      this.#of(req.socket).refused = `CONNECT ${req.url}`
    })
    this.#server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Behind a body it is given a stream of its own in newer versions of Node.
      const reading = this.#of(req.socket)
      reading.messages.push({
        start: `${req.method} ${req.url} ${req.httpVersion}`,
        fields: req.rawHeaders,
        body: '',
        trailers: [],
        complete: true,
      })
      reading.upgraded = head.toString('latin1')
      socket.on('data', (chunk: Buffer) => {
        reading.upgraded += chunk.toString('latin1')
      })
    })
    this.#server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
      const reading = this.#readings.get(socket)
      // It is destroyed later: what was read before is still on its way.
      if (reading) reading.refused = error.code ?? error.message
    })
  }

  async read(streams: readonly Stream[]): Promise<Reading[]> {
    const wires = streams.map(() => new Wire())
    for (const wire of wires) {
      this.#readings.set(wire, { messages: [], refused: undefined, closed: false, upgraded: undefined })
      this.#server.emit('connection', wire)
    }
    await pour(wires, streams)
    const readings = wires.map((wire) => this.#of(wire))
    for (const wire of wires) {
      this.#readings.delete(wire)
      wire.on('error', () => {})
      wire.destroy()
    }
    return readings
  }

  #of(socket: Duplex): Reading {
    return this.#readings.get(socket) as Reading
  }
}

/** Reads answers to requests of a method, each to its end, where the connection ends. */
export class NodeAnswers {
  async read(streams: readonly (Stream & { readonly method: string })[]): Promise<Reading[]> {
    const wires = streams.map(() => new Wire())
    const readings = streams.map(({ method }, i) => ask(method, wires[i] as Wire))
    await turn()
    await pour(wires, streams)
    for (const wire of wires) wire.push(null)
    for (let i = 0; i < 4; i++) await turn()
    for (const wire of wires) wire.destroy()
    return readings
  }
}

function ask(method: string, wire: Wire): Reading {
  const reading: Reading = { messages: [], refused: undefined, closed: false, upgraded: undefined }
  const req = request({ method, host: 'h.test', createConnection: () => wire as never })
  const startOf = (it: {
    httpVersion: string
    statusCode?: number | undefined
    statusMessage?: string | undefined
  }): string => `${it.httpVersion} ${it.statusCode} ${it.statusMessage}`
  req.on('information', (it) => {
    const fields = it.rawHeaders as unknown as string[]
    reading.messages.push({ start: startOf(it), fields, body: '', trailers: [], complete: true })
  })
  req.on('response', (res) => collect(res, startOf(res), reading))
  req.on('upgrade', (res, _socket, head) => {
    reading.messages.push({ start: startOf(res), fields: res.rawHeaders, body: '', trailers: [], complete: true })
    reading.upgraded = head.toString('latin1')
    wire.on('data', (chunk: Buffer) => {
      reading.upgraded += chunk.toString('latin1')
    })
  })
  req.on('error', (error: Error & { code?: string }) => {
    reading.refused ??= error.code ?? error.message
  })
  req.end()
  return reading
}

function collect(message: IncomingMessage, start: string, reading: Reading): void {
  const entry: Message = { start, fields: message.rawHeaders, body: '', trailers: [], complete: false }
  reading.messages.push(entry)
  message.on('data', (chunk: Buffer) => {
    entry.body += chunk.toString('latin1')
  })
  message.on('error', () => {})
  message.on('end', () => {
    entry.complete = message.complete
    entry.trailers = message.rawTrailers
  })
}

/** Hands the pieces over one by one, each read at once, and gives time for what follows from the last. */
async function pour(wires: readonly Wire[], streams: readonly Stream[]): Promise<void> {
  for (const [i, { bytes, cuts }] of streams.entries()) {
    const wire = wires[i] as Wire
    let from = 0
    for (const to of cuts) {
      // A copy: what is cut away must not be read from behind the piece.
      if (!wire.destroyed) wire.push(Buffer.from(bytes.subarray(from, to)))
      from = to
    }
  }
  for (let i = 0; i < 4; i++) await turn()
}
