/** A network within one process: addresses that nodes are reached at, without a port of the system. */
import type { Socket } from 'node:net'
import { type Address, toHostPort } from '../core/node.ts'
import type { Dial } from '../transport/dial.ts'
import { broken, socketPair } from './memory-socket.ts'

export interface MemoryNetwork {
  readonly dial: Dial
  /** A new address, whose connections are handed to `accept`. */
  bind(accept: (socket: Socket) => void): Address
  /** Whether connections are accepted there. */
  accepts(address: Address): boolean
  /** Resets every connection to the address, and refuses new ones. */
  cut(address: Address): void
}

interface Bound {
  readonly accept: (socket: Socket) => void
  readonly sockets: Set<Socket>
}

export function createMemoryNetwork(): MemoryNetwork {
  const bound = new Map<string, Bound>()
  let nextPort = 1
  return {
    dial(address) {
      const { client, server } = socketPair()
      const key = toHostPort(address)
      process.nextTick(() => {
        const at = bound.get(key)
        if (client.destroyed) return
        if (at === undefined) {
          client.destroy(broken('ECONNREFUSED'))
          return
        }
        at.sockets.add(server)
        server.once('close', () => at.sockets.delete(server))
        at.accept(server)
        client.emit('connect')
      })
      return client
    },
    bind(accept) {
      const address = { host: '127.0.0.1', port: nextPort++ }
      bound.set(toHostPort(address), { accept, sockets: new Set() })
      return address
    },
    accepts: (address) => bound.has(toHostPort(address)),
    cut(address) {
      const key = toHostPort(address)
      const at = bound.get(key)
      bound.delete(key)
      for (const socket of at?.sockets ?? []) {
        socket.destroy(broken('ECONNRESET'))
      }
    },
  }
}
