/** How a connection to a node is opened. */
import { connect, type Socket } from 'node:net'
import type { Address } from '../core/node.ts'
import { readBuffer } from './read-buffer.ts'

/** Gives a socket that is being opened: `connect` or `error` follows. */
export type Dial = (address: Address) => Socket

export const dialTcp: Dial = ({ host, port }) => connect({ host, port, noDelay: true, keepAlive: true })

/**
 * The same, with its bytes given to `read`: those of TCP in the one buffer of the thread, so they are valid during the call
 * only.
 * @param dial instead of TCP
 */
export function dialReading(
  address: Address,
  dial: Dial | undefined,
  read: (bytes: Buffer, length: number) => void,
): Socket {
  if (dial !== undefined) return dial(address).on('data', (chunk: Buffer) => read(chunk, chunk.length))
  const buffer = readBuffer()
  const callback = (length: number): boolean => {
    read(buffer, length)
    return true
  }
  const { host, port } = address
  return connect({ host, port, noDelay: true, keepAlive: true, onread: { buffer, callback } })
}
