/** A request to upgrade (WebSocket and others): the carrier of its call, and the tunnel that it becomes. */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import type { Attempt, AttemptHandle, Carrier, Dispatched } from '../core/call.ts'
import { type Deadline, deadlineIn } from '../core/deadline.ts'
import { GomsError } from '../core/errors.ts'
import type { Settings } from '../core/options.ts'
import { fieldOf, toClientHeaders, toNodeHeaders } from '../http/header-rules.ts'
import { outcomeOf } from '../http/outcome.ts'
import type { TunnelEvents, UpstreamStage } from '../transport/upstream.ts'
import type { Admitted } from './admission.ts'
import { ClientAnswer } from './client-answer.ts'
import { attemptHeaders, commonHeaders } from './node-request.ts'
import { affinityOf, OutboundCall } from './outbound-call.ts'
import type { ProxyDeps } from './proxied-call.ts'
import { joinTunnel } from './tunnel.ts'

/** Bytes of a client that are kept until the node has switched. */
const EARLY_BYTES = 65_536

/** An upgraded or upgrading connection cannot be answered by node's own response; this one stands in until it is a tunnel. */
export function responseOn(req: IncomingMessage, socket: Duplex): ServerResponse {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket as Socket)
  res.once('finish', () => socket.end(() => socket.destroy()))
  return res
}

export class UpgradedCall implements Carrier {
  readonly #deps: ProxyDeps
  readonly #admitted: Admitted
  readonly #req: IncomingMessage
  readonly #socket: Duplex
  readonly #head: Buffer
  readonly #res: ServerResponse
  readonly #settings: Settings
  readonly #early: Buffer[] = []
  #earlyBytes = 0
  #dispatched: Dispatched | undefined
  #common: string[] | undefined

  constructor(
    deps: ProxyDeps,
    admitted: Admitted,
    req: IncomingMessage,
    { socket, head, res }: { readonly socket: Duplex; readonly head: Buffer; readonly res: ServerResponse },
    settings: Settings,
  ) {
    this.#deps = deps
    this.#admitted = admitted
    this.#req = req
    this.#socket = socket
    this.#head = head
    this.#res = res
    this.#settings = settings
  }

  start(): void {
    const { route, trace, identity, target } = this.#admitted
    const { balance } = this.#settings
    const rule = Object.hasOwn(balance.services, route.service) ? balance.services[route.service] : balance.default
    const deadline: Deadline = deadlineIn(this.#deps.clock, route.policy.timeoutMs)
    // Without reading, nobody would notice that the client has gone.
    this.#socket.on('data', this.#onEarly)
    this.#socket.on('end', this.#onEnd)
    this.#socket.once('close', () => this.#dispatched?.cancel())
    const call = new OutboundCall({
      ...{ route, trace, identity, deadline, caller: this.#deps.caller, hasIdempotencyKey: false },
      method: this.#req.method ?? '',
      affinity: affinityOf(rule ?? balance.default, this.#req.headers, target.query),
    })
    this.#dispatched = this.#deps.dispatcher.dispatch(call, this)
    if (this.#socket.destroyed) this.#dispatched.cancel()
  }

  /** What a client sends before it knows that the node switched is kept for it, up to a bound. */
  readonly #onEarly = (chunk: Buffer): void => {
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes > EARLY_BYTES) this.#socket.pause()
  }

  readonly #onEnd = (): void => {
    this.#socket.destroy()
  }

  repeatable(): boolean {
    return true
  }

  attempt(attempt: Attempt): AttemptHandle {
    const relay = new UpgradeAttempt(attempt, this)
    const protocol = this.#req.headers.upgrade ?? ''
    const request = {
      method: this.#req.method ?? 'GET',
      path: this.#admitted.route.pathAt(attempt.node) + this.#admitted.target.query,
      headers: [...attemptHeaders(this.#headers(), attempt, true), 'connection', 'Upgrade', 'upgrade', protocol],
      body: null,
    }
    relay.tunnel = this.#deps.upstream.tunnel(attempt.node.http, request, relay)
    return relay
  }

  fail(error: GomsError): void {
    this.#deps.fail(this.#res, error, this.#admitted.trace.traceId, this.#admitted.answerFields)
  }

  wallMs(): number {
    return this.#deps.clock.wallMs()
  }

  /** From here on both sides are bytes. */
  switched(attempt: Attempt, answer: { headers: string[]; text: string; node: Duplex; early: Buffer }): void {
    const protocol = fieldOf(answer.headers, 'upgrade') ?? this.#req.headers.upgrade ?? ''
    const fields = ['Connection', 'Upgrade', 'Upgrade', protocol, ...toClientHeaders(answer.headers)]
    let head = `HTTP/1.1 101 ${answer.text || 'Switching Protocols'}\r\n`
    for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`
    this.#socket.off('data', this.#onEarly)
    this.#socket.off('end', this.#onEnd)
    this.#res.detachSocket(this.#socket as Socket)
    this.#socket.write(`${head}\r\n`, 'latin1')
    this.#deps.becameSession()
    const { sessions, clock } = this.#deps
    const session = joinTunnel({
      ...{
        client: this.#socket,
        node: answer.node,
        fromClient: Buffer.concat([this.#head, ...this.#early]),
        fromNode: answer.early,
        clock,
      },
      webSocket: protocol.toLowerCase() === 'websocket',
      closed: () => {
        sessions.remove(session)
        attempt.end('complete')
      },
    })
    const client = this.#socket as Socket
    client.setTimeout(this.#settings.gateway.idleTimeoutMs, () => client.destroy())
    sessions.add(session)
  }

  /** The node did not switch: an answer like any other, on a connection that ends with it. */
  answered(attempt: Attempt, head: { status: number; headers: string[]; text: string }, body: Readable): void {
    const answer = new ClientAnswer({
      ...{ req: this.#req, res: this.#res, envelope: false, fields: this.#admitted.answerFields, bodyPending: true },
      idleTimeoutMs: this.#settings.gateway.idleTimeoutMs,
      drained: () => body.resume(),
      idle: () => this.#socket.destroy(),
    })
    let over = false
    const broken = (): void => {
      if (over) return
      over = true
      attempt.end('broken')
      answer.cut()
    }
    body.on('error', broken)
    body.once('close', broken)
    try {
      answer.head(head.status, head.text, head.headers)
    } catch (cause) {
      over = true
      body.destroy()
      attempt.end('broken')
      this.fail(new GomsError('BAD_GATEWAY', 'the node answered with a head that cannot be passed on', { cause }))
      return
    }
    body.on('data', (chunk: Buffer) => {
      if (!answer.data(chunk)) body.pause()
    })
    body.once('end', () => {
      over = true
      attempt.end('complete')
      answer.end([])
    })
  }

  #headers(): string[] {
    this.#common ??= commonHeaders(
      this.#admitted,
      toNodeHeaders(this.#req.rawHeaders, this.#admitted.origin, false),
      this.#deps.caller,
      this.#deps.callKey,
    )
    return this.#common
  }
}

class UpgradeAttempt implements TunnelEvents {
  readonly #attempt: Attempt
  readonly #call: UpgradedCall
  tunnel: { abort(): void } | undefined
  #done = false

  constructor(attempt: Attempt, call: UpgradedCall) {
    this.#attempt = attempt
    this.#call = call
  }

  abort(): void {
    this.#done = true
    this.tunnel?.abort()
  }

  sent(): void {}

  switched(status: number, headers: string[], text: string, node: Duplex, early: Buffer): void {
    if (this.#done || !this.#attempt.head({ stage: 'answered', status, session: true })) {
      this.#drop()
      return
    }
    this.#call.switched(this.#attempt, { headers, text, node, early })
  }

  answered(status: number, headers: string[], text: string, body: Readable): void {
    const outcome = outcomeOf(status, headers, this.#call.wallMs())
    if (this.#done || !this.#attempt.head(outcome)) {
      this.#drop()
      return
    }
    this.#call.answered(this.#attempt, { status, headers, text }, body)
  }

  error(cause: Error, stage: UpstreamStage): void {
    if (this.#done) return
    this.#done = true
    this.#attempt.head({ stage: stage === 'unsent' ? 'unsent' : 'unanswered', status: 0, cause })
    this.#attempt.end('cancelled')
  }

  #drop(): void {
    this.tunnel?.abort()
    if (this.#done) return
    this.#done = true
    this.#attempt.end('cancelled')
  }
}
