/** Sessions of a node: upgraded connections and event streams. They outlast calls, and are told to end when the node leaves. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { InboundCall } from './inbound-call.ts'

/** How long the other side of a WebSocket has to say goodbye. */
const GOODBYE_MS = 1000

/** An unmasked close frame with status 1001, going away. https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9])

export interface Sessions {
  readonly size: number
  addUpgrade(req: IncomingMessage, socket: Duplex, call: InboundCall): void
  addStream(res: ServerResponse, call: InboundCall): void
  removeStream(res: ServerResponse): void
  /** Says goodbye to all: 1001 to WebSockets, the end of the stream to event streams. */
  end(): void
}

export function createSessions(clock: Clock): Sessions {
  const upgrades = new Map<Duplex, boolean>()
  const streams = new Map<ServerResponse, InboundCall>()
  const leaving = (): GomsError => new GomsError('CANCELLED', 'session: the node is leaving')

  return {
    get size() {
      return upgrades.size + streams.size
    },
    addUpgrade(req, socket, call) {
      upgrades.set(socket, req.headers.upgrade?.toLowerCase() === 'websocket')
      // An application that answers late may have no listener yet: an error would end the process.
      socket.on('error', () => socket.destroy())
      socket.once('close', () => {
        upgrades.delete(socket)
        call.abort(new GomsError('CANCELLED', 'session: the connection is closed'))
        call.end()
      })
    },
    addStream(res, call) {
      streams.set(res, call)
    },
    removeStream(res) {
      streams.delete(res)
    },
    end() {
      for (const [socket, webSocket] of upgrades) {
        // Between frames: libraries write each frame in one go, and a close frame may stand between any two.
        if (webSocket && socket.writable && shaken(socket)) socket.write(GOING_AWAY)
        socket.end()
        clock.after(GOODBYE_MS, () => socket.destroy())
      }
      for (const [res, call] of streams) {
        // The application may be about to write: an error that nobody listens to would end the process.
        res.on('error', () => {})
        res.end()
        call.abort(leaving())
      }
    },
  }
}

/** Whether the application has answered the handshake: before that, a frame would be taken for a head. */
function shaken(socket: Duplex): boolean {
  return ((socket as { bytesWritten?: number }).bytesWritten ?? 0) > 0
}
