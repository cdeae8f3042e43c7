/**
 * Holds what arrives between binding a port and being able to answer, so that a node that restarts refuses nobody. Whoever
 * asks how it is gets a word at once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { answerProbe, probeOf } from '../service/probe.ts'
import type { ServiceDoor } from './door.ts'

/** More than that are answered 503 at once. */
export const MOST_WAITING = 1024

export interface WaitingRoom {
  request(req: IncomingMessage, res: ServerResponse): void
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Lets in all that wait, and whoever comes from now on. */
  open(door: ServiceDoor): void
}

/** How long they wait is bounded by the start itself, which ends in an open door or in closed connections. */
export function createWaitingRoom(): WaitingRoom {
  const waiting: ((door: ServiceDoor) => void)[] = []
  let door: ServiceDoor | undefined
  return {
    request(req, res) {
      if (door) {
        door.request(req, res)
        return
      }
      const probe = probeOf(req.url)
      if (probe === 'live') answerProbe(req, res, true, 'live')
      else if (probe === 'ready') answerProbe(req, res, false, 'starting')
      else if (waiting.length < MOST_WAITING) waiting.push((opened) => res.destroyed || opened.request(req, res))
      else res.writeHead(503, { 'Retry-After': '1', 'Content-Length': '0', Connection: 'close' }).end()
    },
    upgrade(req, socket, head) {
      if (door) door.upgrade(req, socket, head)
      else if (waiting.length < MOST_WAITING) {
        // Nobody else listens yet, and an error without a listener would end the process.
        socket.on('error', ignore)
        waiting.push((opened) => {
          socket.off('error', ignore)
          if (!socket.destroyed) opened.upgrade(req, socket, head)
        })
      } else socket.destroy()
    },
    open(opened) {
      door = opened
      for (const enter of waiting.splice(0)) enter(opened)
    },
  }
}

function ignore(): void {}
