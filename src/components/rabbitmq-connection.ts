/** One supervised connection to RabbitMQ for all that a process does there: it comes back by itself, and says so once. */
import type { Channel, Connection } from 'rabbitmq-client'
import { atMost } from '../core/bounded.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { type RabbitAddress, toRabbitAddress } from '../core/rabbitmq-address.ts'
import { importPeer } from './peer.ts'
import { Presence, reasonOf } from './presence.ts'

export interface RabbitConnection {
  /** Without user and password. */
  readonly shown: string
  /** The client's own. */
  readonly client: Connection
  /** A channel of its own, once there is a connection. Rejects when that is closed, or after 20 s without one. */
  acquire(): Promise<Channel>
  /** Why it cannot be used now; undefined: it can. */
  away(): string | undefined
  /** For whoever opened it: the last one ends it. */
  close(): Promise<void>
}

export interface RabbitConnectionDeps {
  readonly clock: Clock
  /** Of whoever opens it first. */
  readonly log: Log
}

/** A broker that is back is found within two seconds; one that stands still within ten. */
const RETRY = { retryLow: 200, retryHigh: 2000 } as const
const HEARTBEAT_SECONDS = 5
const CONNECT_MS = 5000
const CLOSE_MS = 1000

interface Shared {
  readonly opened: Promise<RabbitConnection>
  users: number
}

/** By address: events and what users do by hand share one. */
const open = new Map<string, Shared>()

/** @throws GomsError GOMS_CONFIG_INVALID (the address), GOMS_PEER_MISSING */
export async function openRabbitConnection(amqpAddr: string, deps: RabbitConnectionDeps): Promise<RabbitConnection> {
  const address = toRabbitAddress(amqpAddr)
  const shared = open.get(amqpAddr) ?? { opened: connect(address, deps), users: 0 }
  open.set(amqpAddr, shared)
  shared.users++
  const leave = (): boolean => {
    if (--shared.users > 0) return false
    open.delete(amqpAddr)
    return true
  }
  const connection = await shared.opened.catch((error) => {
    leave()
    throw error
  })
  let left = false
  return {
    ...connection,
    async close() {
      if (left) return
      left = true
      if (leave()) await connection.close()
    },
  }
}

async function connect(address: RabbitAddress, { clock, log }: RabbitConnectionDeps): Promise<RabbitConnection> {
  const peer = { name: 'rabbitmq-client', version: '^5.0.8', neededBy: 'amqpAddr' }
  const { Connection } = await importPeer(peer, () => import('rabbitmq-client'))
  const { shown, hosts, tls, ...rest } = address
  const connection: Connection = new Connection({
    ...{ ...rest, ...RETRY, heartbeat: HEARTBEAT_SECONDS, connectionTimeout: CONNECT_MS, noDelay: true },
    ...(hosts && { hosts: [...hosts] }),
    ...(tls && { tls: true }),
    connectionName: `goms ${process.pid}`,
  })
  const presence = new Presence(shown, { clock, log })
  let blocked: string | undefined
  connection.on('error', (error: Error) => presence.lost(reasonOf(error)))
  connection.on('connection', () => {
    blocked = undefined
    presence.back()
  })
  connection.on('connection.blocked', (reason: string) => {
    blocked = `${shown} takes no messages now: ${reason}`
    log.warn(blocked)
  })
  connection.on('connection.unblocked', () => {
    blocked = undefined
    log.info(`${shown} takes messages again`)
  })
  return {
    shown,
    client: connection,
    acquire: () => connection.acquire({ emitErrorsFromChannel: true }),
    away: () => presence.away() ?? blocked,
    async close() {
      // Whoever had a channel has given it up by now; one that does not end is not waited for.
      await atMost(
        clock,
        CLOSE_MS,
        connection.close().catch(() => {}),
      )
      connection.unsafeDestroy()
    },
  }
}
