/**
 * The front engine on node:http (`gateway.parser: safe`): node's own strict parser, nothing private, several times the cost.
 * What it lets through and ours would not is refused here, and its requests are served one after the other, as ours are.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { systemClock, type Timer } from '../core/clock.ts'
import { Fields } from '../http/fields.ts'
import { type HeadLimits, type Refused, refused } from '../http/head-result.ts'
import { checkRequest } from '../http/request-check.ts'
import { REQUEST_LIMITS } from '../http/request-head.ts'
import { isRequestTarget } from '../http/target.ts'
import { AnswerProgress } from './answer-progress.ts'
import type { HttpDoor, HttpDoorOptions } from './http-door.ts'
import { HalfOpenWatch } from './http-half-open.ts'
import { createHttpListener } from './http-listener.ts'
import { NodeExchange } from './http-node-exchange.ts'
import { NodeTurns } from './http-node-turns.ts'
import { NodeUpgrade } from './http-node-upgrade.ts'
import { Overflow, refuse } from './http-refusal.ts'

/** Looks in the time that an answer may wait; it is exact to that. */
const LOOKS = 10

/** What our parser lets into a target. */
const TARGET = /^[\x21\x22\x24-\x7e\x80-\xff]*$/
const LONG_TARGET = refused(414, 'the request target is too long')
const BAD_TARGET = refused(400, 'the request target is malformed')
const MANY_FIELDS = refused(431, 'too many header fields')
const OTHER_EXPECTATION = refused(417, 'an expectation other than 100-continue')
const BODY_AND_UPGRADE = refused(501, 'an upgrade with a body is not supported')

/** Opens nothing itself. */
export function createHttpNodeDoor(options: HttpDoorOptions): HttpDoor {
  const clock = options.clock ?? systemClock
  const limits: HeadLimits = { ...REQUEST_LIMITS, ...options.limits }
  const lookMs = (options.answerTimeoutMs ?? 10_000) / LOOKS
  const headTimeoutMs = options.headTimeoutMs ?? 10_000
  const maxConnections = options.maxConnections ?? Number.POSITIVE_INFINITY
  const connections = new WeakMap<Socket, NodeTurns>()
  const overflow = new Overflow((status, address) => options.refused?.(status, address))
  const inProgress = new Map<NodeExchange, { socket: Socket; progress: AnswerProgress; looks: number }>()
  let looking: Timer | undefined
  let draining = false
  let watches = false

  const listener = createHttpListener({
    request,
    upgrade,
    expectContinue: 'manual',
    halfOpen: true,
    requireHost: false,
    maxHeaderBytes: limits.headBytes,
    // One more than are let in: node drops what is beyond without a word.
    maxHeadersCount: limits.fieldCount + 1,
    headersTimeoutMs: headTimeoutMs,
    keepAliveTimeoutMs: options.idleTimeoutMs,
    refused,
    malformed(socket, answer) {
      const turns = connections.get(socket)
      if (turns === undefined) answer()
      else turns.malformed(answer)
    },
  })
  listener.server.on('checkExpectation', (req: IncomingMessage) => {
    const turns = connections.get(req.socket)
    turns?.inTurn(() => turnAway(turns, req.socket, OTHER_EXPECTATION))
  })
  listener.server.on('connection', (socket: Socket) => {
    const turns = new NodeTurns(socket)
    connections.set(socket, turns)
    if (listener.connections > maxConnections) {
      turns.refused = true
      overflow.turnAway(socket)
      return
    }
    socket.once('end', () => watchHalfOpen(turns, socket))
  })

  function request(req: IncomingMessage, res: ServerResponse): void {
    const turns = connections.get(req.socket)
    if (turns !== undefined && !turns.refused) turns.request(req, () => serve(turns, req, res))
  }

  function turnAway(turns: NodeTurns, socket: Duplex, { status, reason }: Refused): void {
    turns.drop()
    refuse(socket, status, reason)
    refused(socket, status)
  }

  /** What is said while a request is in progress is about its body. */
  function refused(socket: Duplex, status: number): void {
    const current = connections.get(socket as Socket)?.current
    if (current === undefined) options.refused?.(status, (socket as Socket).remoteAddress ?? '')
    else current.events?.refused?.(status)
  }

  function upgrade(req: IncomingMessage, _stream: Duplex, head: Buffer): void {
    // From Node 26 on it is another stream where a body is to come, which is refused.
    const { socket } = req
    const turns = connections.get(socket)
    // Behind a request in progress, whose answer would be written into what is no HTTP any more.
    if (turns === undefined || turns.current !== undefined) socket.destroy()
    else {
      const handed = new NodeUpgrade(req, socket, head)
      serve(turns, req, handed.res, handed)
    }
  }

  function serve(turns: NodeTurns, req: IncomingMessage, res: ServerResponse, handed?: NodeUpgrade): void {
    const { socket } = req
    if (socket.destroyed) return
    const version = req.httpVersion === '1.0' ? '1.0' : '1.1'
    const fields = Fields.of(req.rawHeaders)
    const meaning = problemOf(req, fields) ?? checkRequest(req.method ?? '', fields, version)
    const refusal =
      meaning.state === 'meaning' && handed !== undefined && meaning.upgrade === undefined ? BODY_AND_UPGRADE : meaning
    if (refusal.state === 'refused') {
      turnAway(turns, socket, refusal)
      return
    }
    const exchange = new NodeExchange({
      ...{ req, res, fields, meaning: refusal, version, peer: peerOf(socket), draining: () => draining },
      lingers: () => lingers(socket, req),
      refuse: (refused) => turnAway(turns, socket, refused),
      ...(handed === undefined ? undefined : { handOver: () => handed.handOver() }),
      gone: (gone) => {
        inProgress.delete(gone)
        turns.current = undefined
        if (gone.hasBody && handed === undefined && !req.complete) endRest(req, socket)
        // After whoever served it has been told.
        queueMicrotask(() => turns.next())
      },
    })
    turns.current = exchange
    inProgress.set(exchange, { socket, progress: new AnswerProgress(), looks: 0 })
    if (looking === undefined) looking = clock.after(lookMs, look)
    options.handler(exchange)
    if (socket.readableEnded) watchHalfOpen(turns, socket)
  }

  function problemOf(req: IncomingMessage, fields: Fields): Refused | undefined {
    const target = req.url ?? ''
    if (target.length > limits.targetBytes) return LONG_TARGET
    const sound = target[0] === '/' ? TARGET.test(target) : isRequestTarget(req.method ?? '', target)
    if (!sound) return BAD_TARGET
    return fields.count > limits.fieldCount ? MANY_FIELDS : undefined
  }

  function watchHalfOpen({ current }: NodeTurns, socket: Socket): void {
    if (current?.bodyComplete) new HalfOpenWatch(current, socket, (delayMs, fn) => void clock.after(delayMs, fn))
  }

  /** node reads away what is left of a body that nobody wants, however long that takes. */
  function endRest(req: IncomingMessage, socket: Socket): void {
    const timer = clock.after(headTimeoutMs, () => {
      if (!req.complete) socket.destroy()
    })
    socket.once('close', () => timer.cancel())
    req.once('end', () => timer.cancel())
  }

  /** Cuts clients that take nothing of what waits for them. */
  function look(): void {
    for (const [exchange, watched] of inProgress) {
      watched.looks = watched.progress.moves(watched.socket) ? 0 : watched.looks + 1
      if (watched.looks > LOOKS) exchange.destroy()
    }
    looking = inProgress.size === 0 ? undefined : clock.after(lookMs, look)
  }

  return {
    get connections() {
      return listener.connections
    },
    server: listener.server,
    listen: (port, host, how) => listener.listen(port, host, how),
    // Not http's own `close`, which would end idle connections too.
    unlisten: () => void Server.prototype.close.call(listener.server),
    accept(socket, early) {
      if (!listener.server.listening && !watches) {
        watches = true
        // node looks after the times of connections once a server listens, and this one may never do so itself.
        listener.server.emit('listening')
      }
      if (early !== undefined && early.length > 0) socket.unshift(early)
      listener.server.emit('connection', socket)
      // With a listener node reads by way of the socket and not past it: on TLS it would undo each pause with the next record.
      socket.on('data', nobody)
      socket.off('data', nobody)
      socket.resume()
    },
    drain() {
      draining = true
      listener.drain()
    },
    close(timeoutMs) {
      draining = true
      return listener.close(timeoutMs)
    },
  }
}

function nobody(): void {}

function peerOf(socket: Socket): { address: string; localPort: number; encrypted: boolean } {
  return {
    address: socket.remoteAddress ?? '',
    localPort: socket.localPort ?? 0,
    encrypted: 'encrypted' in socket,
  }
}

/** How long what still comes is read away. */
const LINGER_MS = 2000

/** Before node closes the connection behind an answer, while more of the request may be on its way. */
function lingers(socket: Socket, req: IncomingMessage): void {
  if (req.complete) return
  socket.destroySoon = () => {
    socket.end()
    socket.resume()
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  }
}
