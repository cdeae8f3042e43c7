/** Clients and handlers for tests of the engines that take HTTP requests. */
import { connect, type Socket } from 'node:net'
import type { ExchangeHandler, HttpExchange } from './http-exchange.ts'

/** A client that says bytes and keeps what comes back. */
export interface Talk {
  readonly socket: Socket
  /** Latin-1, all of it until now. */
  text(): string
  /** Resolves once what came satisfies `wanted`; rejects when the connection ends before. */
  until(wanted: string | ((text: string) => boolean)): Promise<string>
  /** All of it, when the connection has ended. */
  readonly ended: Promise<string>
}

/** Opens a connection to a port of this machine. */
export type Open = (port: number, options: { allowHalfOpen?: boolean }) => Socket

const openTcp: Open = (port, options) => connect({ port, host: '127.0.0.1', ...options })

export function talk(
  port: number,
  bytes: string | Buffer,
  options: { allowHalfOpen?: boolean } = {},
  open: Open = openTcp,
): Talk {
  const socket = open(port, options)
  let text = ''
  let closed = false
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const look of waiting) look()
  }
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    wake()
  })
  socket.on('error', () => {})
  const ended = new Promise<string>((resolve) => {
    socket.on('close', () => {
      closed = true
      resolve(text)
      wake()
    })
  })
  if (bytes.length > 0) socket.write(bytes)
  return {
    socket,
    ended,
    text: () => text,
    until(wanted) {
      const enough = typeof wanted === 'string' ? (it: string) => it.includes(wanted) : wanted
      return new Promise((resolve, reject) => {
        const look = (): void => {
          if (enough(text)) resolve(text)
          else if (closed) reject(new Error(`the connection ended after ${JSON.stringify(text)}`))
          else return
          waiting.delete(look)
        }
        waiting.add(look)
        look()
      })
    },
  }
}

/** A promise and what settles it. */
export interface Gate<T = void> {
  readonly opened: Promise<T>
  open(value: T): void
}

export function gate<T = void>(): Gate<T> {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** What an exchange told. */
export interface Told {
  readonly exchange: HttpExchange
  /** Of the body, copied. */
  body(): Buffer
  /** The body has come whole. */
  readonly whole: Promise<void>
  /** Some of it has come. */
  readonly begun: Promise<void>
  readonly closed: Promise<boolean>
  drains: number
}

/** Listens to an exchange, and takes its body if told to. */
export function listenTo(exchange: HttpExchange, takes = true): Told {
  const chunks: Buffer[] = []
  const whole = gate()
  const begun = gate()
  const closed = gate<boolean>()
  const told: Told = {
    exchange,
    body: () => Buffer.concat(chunks),
    whole: whole.opened,
    begun: begun.opened,
    closed: closed.opened,
    drains: 0,
  }
  exchange.events = {
    data(chunk) {
      chunks.push(Buffer.from(chunk))
      begun.open()
      return true
    },
    bodyEnd: () => whole.open(),
    drain: () => {
      told.drains++
    },
    closed: (answered) => closed.open(answered),
  }
  if (exchange.bodyComplete) whole.open()
  else if (takes) exchange.resumeBody()
  return told
}

/** A whole answer. */
export function say(exchange: HttpExchange, text: string, status = 200, fields = ''): void {
  const body = Buffer.from(text)
  exchange.head(status, '', fields, body.length)
  exchange.write(body)
  exchange.end()
}

/** Says back the method, the target, and the body. */
export const echo: ExchangeHandler = (exchange) => {
  const told = listenTo(exchange)
  void told.whole.then(() => say(exchange, `${exchange.method} ${exchange.target} ${told.body().toString('latin1')}`))
}

/** Bytes that tell where they are from: no two ranges of them, and no two seeds, are alike. */
export function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = (seed + 1) * 2_654_435_761
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[i] = state >>> 16
  }
  return bytes
}
