/** The HTTP port of a node: bound before what stands behind it is there. Requests that come meanwhile wait. */
import type { Server, Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Address } from '../core/node.ts'
import type { Settings } from '../core/options.ts'
import type { ListenOptions } from '../transport/listen.ts'
import type { GatewayDoor, NodeDoor } from './door.ts'
import { createExchangeRoom } from './exchange-room.ts'
import { createFrontEngine } from './front-engine.ts'
import { createWaitingRoom } from './waiting-room.ts'

export interface HttpPort {
  /** Open connections. */
  readonly connections: number
  /** @throws GomsError GOMS_PORT_IN_USE, GOMS_PORT_DENIED, GOMS_OPTION_INVALID for an address that is not this machine's */
  listen(port: number, host?: string): Promise<Address>
  /** Lets in what waits, and all that comes from now on. */
  open(door: NodeDoor): void
  /** From now on each answer is the last of its connection. */
  drain(): void
  /** Waits for what is in flight at most that long. */
  close(timeoutMs: number): Promise<void>
}

/** That of a gateway, which may be one of several that listen on the same port. */
export interface GatewayPort extends HttpPort {
  listen(port: number, host?: string, how?: ListenOptions): Promise<Address>
  /** What listens. */
  readonly server: Server
  /** Accepts no more; what is open is served on. */
  unlisten(): void
  /** Serves a connection that another process accepted. */
  accept(socket: Socket): void
}

export function createHttpPort(
  role: 'gateway' | 'service',
  settings: Settings,
  clock: Clock,
  log: Log,
): Promise<HttpPort> {
  return role === 'gateway' ? createGatewayPort(settings, clock, log) : createServicePort(settings)
}

export async function createGatewayPort({ gateway }: Settings, clock: Clock, log: Log): Promise<GatewayPort> {
  const room = createExchangeRoom()
  let behind: GatewayDoor | undefined
  const engine = await createFrontEngine(gateway, {
    ...{ handler: room.handle, clock, log },
    refused: (status, address) => behind?.refused(status, address),
  })
  return {
    get connections() {
      return engine.connections
    },
    server: engine.server,
    listen: (port, host, how) => engine.listen(port, host, how),
    unlisten: () => engine.unlisten(),
    accept: (socket) => engine.accept(socket),
    open(door) {
      if (door.kind !== 'gateway') return
      behind = door
      room.open(door.handle)
    },
    drain: () => engine.drain(),
    close: (timeoutMs) => engine.close(timeoutMs),
  }
}

async function createServicePort({ gateway }: Settings): Promise<HttpPort> {
  const { createHttpListener } = await import('../transport/http-listener.ts')
  const room = createWaitingRoom()
  const listener = createHttpListener({
    request: (req, res) => room.request(req, res),
    upgrade: (req, socket, head) => room.upgrade(req, socket, head),
    // A gateway adds to what its clients may send.
    maxHeaderBytes: 4 * gateway.maxHeaderBytes,
  })
  return {
    get connections() {
      return listener.connections
    },
    listen: (port, host) => listener.listen(port, host),
    open(door) {
      if (door.kind === 'service') room.open(door)
    },
    drain: () => listener.drain(),
    close: (timeoutMs) => listener.close(timeoutMs),
  }
}
