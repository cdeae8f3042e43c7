/** Two connections after an upgrade: bytes pass both ways with back-pressure, and each end reaches the other. */
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import { FrameTracker, GOING_AWAY, GOING_AWAY_MASKED } from './frames.ts'
import type { Session } from './sessions.ts'

/** How long both sides have to say goodbye. */
const GOODBYE_MS = 1000

export interface TunnelSides {
  readonly client: Duplex
  readonly node: Duplex
  /** First bytes that came with the request and with the answer. */
  readonly fromClient: Buffer
  readonly fromNode: Buffer
  readonly webSocket: boolean
  readonly clock: Clock
  /** Both are closed. */
  readonly closed: () => void
}

/** Joins them. */
export function joinTunnel(sides: TunnelSides): Session {
  const { client, node, clock, webSocket } = sides
  let open = 2
  const down = webSocket ? new FrameTracker() : undefined
  const up = webSocket ? new FrameTracker() : undefined
  const toClient = direction(node, client, down, GOING_AWAY)
  const toNode = direction(client, node, up, GOING_AWAY_MASKED)
  for (const socket of [client, node]) {
    socket.on('error', () => {})
    socket.once('close', () => {
      client.destroy()
      node.destroy()
      if (--open === 0) sides.closed()
    })
  }
  toNode.push(sides.fromClient)
  toClient.push(sides.fromNode)
  client.resume()
  node.resume()
  return {
    end() {
      toClient.goodbye()
      toNode.goodbye()
      if (!webSocket) {
        client.end()
        node.end()
      }
      clock.after(GOODBYE_MS, () => {
        client.destroy()
        node.destroy()
      })
    },
  }
}

interface Direction {
  push(chunk: Buffer): void
  /** Puts the close frame where the next frame would begin; nothing follows it. */
  goodbye(): void
}

function direction(from: Duplex, to: Duplex, tracker: FrameTracker | undefined, closeFrame: Buffer): Direction {
  let leaving = false
  let silent = false

  function push(chunk: Buffer): void {
    if (silent || chunk.length === 0) return
    const taken = tracker ? tracker.take(chunk, leaving) : chunk.length
    if (taken > 0 && !to.write(taken === chunk.length ? chunk : chunk.subarray(0, taken))) from.pause()
    if (leaving && tracker?.between) say()
  }

  function say(): void {
    silent = true
    if (to.writable) to.write(closeFrame)
  }

  from.on('data', push)
  from.on('end', () => to.end())
  to.on('drain', () => from.resume())
  return {
    push,
    goodbye() {
      leaving = true
      if (tracker?.between && !silent) say()
    },
  }
}
