/** A request to upgrade (WebSocket and others): the carrier of its call, and the tunnel that it becomes. */
import type { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import type { Attempt, AttemptHandle, Carrier, Dispatched } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { deadlineIn } from '../core/deadline.ts'
import { GomsError } from '../core/errors.ts'
import { FIELD } from '../http/field-kinds.ts'
import { Fields } from '../http/fields.ts'
import { toClientLines } from '../http/header-rules.ts'
import { outcomeOf } from '../http/outcome.ts'
import { wereAskedFor } from '../http/protocols.ts'
import type { AnswerHead, TunnelEvents, UpstreamStage } from '../transport/upstream.ts'
import { ClientAnswer } from './client-answer.ts'
import type { InboundRequest, Serving } from './inbound-request.ts'
import { OutboundCall } from './outbound-call.ts'
import type { ProxyDeps } from './proxied-call.ts'
import type { Route } from './route.ts'
import { joinTunnel } from './tunnel.ts'

export class UpgradedCall implements Carrier, Serving {
  readonly #deps: ProxyDeps
  readonly #request: InboundRequest
  readonly #route: Route
  readonly #protocol: string
  #dispatched: Dispatched | undefined
  #common: string | undefined
  #gone = false
  /** Of an answer that did not switch. */
  #body: Readable | undefined

  constructor(deps: ProxyDeps, request: InboundRequest, route: Route, protocol: string) {
    this.#deps = deps
    this.#request = request
    this.#route = route
    this.#protocol = protocol
  }

  start(): void {
    const { clock, dispatcher, nodeRequests } = this.#deps
    this.#request.serveWith(this)
    // Whatever follows was meant for another protocol.
    this.#request.exchange.closeAfter()
    const deadline = deadlineIn(clock, this.#route.policy.timeoutMs)
    const call = new OutboundCall(this.#request, this.#route, deadline, nodeRequests.caller)
    this.#dispatched = dispatcher.dispatch(call, this)
    if (this.#gone) this.#dispatched.cancel()
  }

  repeatable(): boolean {
    return true
  }

  attempt(attempt: Attempt): AttemptHandle {
    const { nodeRequests, upstream } = this.#deps
    this.#request.attempted(attempt)
    this.#common ??= nodeRequests.common(this.#request, false)
    const relay = new UpgradeAttempt(attempt, this)
    const fields = nodeRequests.attempt(this.#request, this.#common, attempt, true)
    const request = {
      method: this.#request.exchange.method,
      path: this.#route.pathAt(attempt.node) + this.#request.target.query,
      fields: `${fields}connection: Upgrade\r\nupgrade: ${this.#protocol}\r\n`,
      body: null,
    }
    relay.tunnel = upstream.tunnel(attempt.node.http, request, relay)
    return relay
  }

  fail(error: GomsError): void {
    this.#request.fail(error)
  }

  get clock(): Clock {
    return this.#deps.clock
  }

  /** Whether the client asked for what the node switches to. */
  asked({ fields }: AnswerHead): boolean {
    return wereAskedFor(this.#protocol, fields.get('upgrade') ?? '')
  }

  /** From here on both sides are bytes. */
  switched(attempt: Attempt, { fields, reason }: AnswerHead, node: Duplex, fromNode: Buffer): void {
    const taken = this.#request.exchange.takeConnection()
    if (taken === undefined) {
      node.destroy()
      attempt.end('cancelled')
      return
    }
    const protocol = fields.get('upgrade') ?? this.#protocol
    const head = `HTTP/1.1 101 ${reason || 'Switching Protocols'}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`
    taken.socket.write(`${head}${toClientLines(fields, FIELD.framing)}\r\n`, 'latin1')
    this.#request.opensSession()
    this.#request.begun(101, undefined)
    const { sessions, clock } = this.#deps
    const session = joinTunnel({
      ...{ client: taken.socket, node, fromClient: taken.early, fromNode, clock },
      webSocket: protocol.toLowerCase() === 'websocket',
      closed: () => {
        sessions.remove(session)
        attempt.end('complete')
      },
    })
    const client = taken.socket as Socket
    client.setTimeout(this.#request.settings.gateway.idleTimeoutMs, () => client.destroy())
    sessions.add(session)
  }

  /** The node did not switch: an answer like any other, on a connection that ends with it. */
  answered(attempt: Attempt, head: AnswerHead, body: Readable): void {
    const answer = new ClientAnswer(this.#request, this.#deps.clock)
    this.#body = body
    let over = false
    const broken = (): void => {
      if (over) return
      over = true
      attempt.end('broken')
      this.#request.cut = 'node'
      answer.cut()
    }
    body.on('error', broken)
    body.once('close', broken)
    try {
      answer.head(head, false)
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
      answer.end(Fields.NONE)
    })
  }

  data(): boolean {
    return true
  }

  bodyEnd(): void {}

  drain(): void {
    this.#body?.resume()
  }

  /** Nothing moves within the answer. */
  idle(): void {
    this.#request.exchange.destroy()
  }

  closed(answered: boolean): void {
    if (answered) return
    this.#gone = true
    this.#dispatched?.cancel()
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

  switched(head: AnswerHead, node: Duplex, early: Buffer): void {
    if (!this.#call.asked(head)) {
      node.destroy()
      this.error(new Error('the node switched to a protocol that was not asked for'), 'unanswered')
      return
    }
    if (this.#done || !this.#attempt.head({ stage: 'answered', status: head.status, session: true })) {
      this.#drop()
      return
    }
    this.#call.switched(this.#attempt, head, node, early)
  }

  answered(head: AnswerHead, body: Readable): void {
    const outcome = outcomeOf(head.status, head.fields, this.#call.clock)
    if (this.#done || !this.#attempt.head(outcome)) {
      this.#drop()
      return
    }
    this.#call.answered(this.#attempt, head, body)
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
