/** A client that says exactly what it is told, and keeps what it hears. */
import { connect, type Socket } from 'node:net'

/** How long anything may take, on a machine that does much else. */
export const PATIENCE_MS = 5000

export interface RawClient {
  readonly socket: Socket
  /** All that came since it was forgotten last. */
  heard(): Buffer
  forget(): void
  /** How the other side ended: not yet, orderly, or with a reset. */
  ending(): 'open' | 'end' | 'reset'
  send(bytes: Buffer | string): void
  /** Waits until it holds of what was heard, or the connection is over. False: neither came. */
  until(holds: () => boolean, withinMs?: number): Promise<boolean>
  close(): void
}

export function openClient(port: number, patienceMs: number = PATIENCE_MS): RawClient {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let heard = Buffer.alloc(0)
  const waiting = new Set<() => void>()
  let ending: 'open' | 'end' | 'reset' = 'open'
  const news = (): void => {
    for (const look of waiting) look()
  }
  socket.on('data', (chunk) => {
    heard = Buffer.concat([heard, chunk])
    news()
  })
  socket.on('error', () => {
    if (ending === 'open') ending = 'reset'
  })
  socket.on('end', () => {
    ending = 'end'
    news()
  })
  socket.on('close', () => {
    if (ending === 'open') ending = 'reset'
    news()
  })
  return {
    socket,
    heard: () => heard,
    forget() {
      heard = Buffer.alloc(0)
    },
    ending: () => ending,
    send(bytes) {
      if (socket.writable) socket.write(bytes, 'latin1')
    },
    until(holds, withinMs = patienceMs) {
      return new Promise((resolve) => {
        const finish = (result: boolean): void => {
          clearTimeout(timer)
          waiting.delete(look)
          resolve(result)
        }
        const look = (): void => {
          if (holds()) finish(true)
          else if (ending !== 'open') finish(false)
        }
        const timer = setTimeout(() => finish(false), withinMs)
        waiting.add(look)
        look()
      })
    },
    close: () => socket.destroy(),
  }
}
