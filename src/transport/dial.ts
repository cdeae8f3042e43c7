/** How a connection to a node is opened. */
import { connect, type Socket } from 'node:net'
import type { Address } from '../core/node.ts'

/** Gives a socket that is being opened: `connect` or `error` follows. */
export type Dial = (address: Address) => Socket

export const dialTcp: Dial = ({ host, port }) => connect({ host, port, noDelay: true, keepAlive: true })
