/** What a node is sent: the client's request with our own fields added, which nothing from outside can forge. */
import type { Attempt } from '../core/call.ts'
import { forNextHop } from '../core/deadline.ts'
import { type NodeInfo, toHostPort } from '../core/node.ts'
import { type OriginLines, originLines, toFieldLines, toNodeLines } from '../http/header-rules.ts'
import { INTERNAL, toIdentityHeader } from '../http/internal.ts'
import { flat } from '../http/octets.ts'
import type { InboundRequest } from './inbound-request.ts'
import { defaultTraceLines, type TraceLines } from './trace-lines.ts'

const IDENTITY = { identityEncoding: true }
const ANY_ENCODING = { identityEncoding: false }

interface KnownOrigin extends OriginLines {
  /** The host that its lines name. */
  readonly name: string
  readonly proto: 'http' | 'https'
  readonly port: number
}

/** Hosts whose lines are kept: a gateway has few, and what strangers send must not add up. */
const KEPT_ORIGINS = 8

/** Writes the fields of requests for nodes. What is the same for all requests to a node is put together once. */
export class NodeRequests {
  /** The gateway's name, as callees are told. */
  readonly caller: string
  readonly #traces: TraceLines
  /** Key and caller. */
  readonly #always: string
  /** With the target, and the first attempt, by node. */
  readonly #first = new WeakMap<NodeInfo, string>()
  readonly #origins: KnownOrigin[] = []
  #oldestOrigin = 0
  #deadlineMs = -1
  #deadlineLine = ''

  constructor(caller: string, callKey: string | undefined, traces: TraceLines = defaultTraceLines) {
    this.#traces = traces
    const key = callKey === undefined ? [] : [INTERNAL.callServiceKey, callKey, INTERNAL.callKey, callKey]
    this.caller = caller
    this.#always = toFieldLines([...key, INTERNAL.caller, caller])
  }

  /**
   * The lines that are the same for all attempts of a call.
   * @param envelope the node is asked for an answer that something can be put into
   */
  common(request: InboundRequest, envelope: boolean): string {
    const { identity } = request
    const options = envelope ? IDENTITY : ANY_ENCODING
    const lines = toNodeLines(request.exchange.fields, request, options, this.#originOf(request))
    const client = request.traced ? lines : lines + this.#traces.ofRequest(request)
    const sent = identity == null ? undefined : toIdentityHeader(identity)
    return sent === undefined ? client : `${client}${INTERNAL.identity}: ${sent}\r\n`
  }

  /**
   * The lines of one attempt. A streamed upload has no deadline that the node could know: it moves with the upload, and
   * the connection ends when it is over.
   */
  attempt(request: InboundRequest, common: string, attempt: Attempt, streamedBody: boolean): string {
    const { node } = attempt
    const begun = request.isHost('') ? withHost(common, node) : common
    const own = attempt.number === 1 ? this.#firstOn(node) : this.#on(node, attempt.number)
    const lines = request.traced ? begun + this.#traces.ofAttempt(request, attempt.number) + own : begun + own
    const leftMs = attempt.leftMs()
    if (streamedBody || leftMs === Number.POSITIVE_INFINITY) return lines
    return lines + this.#deadline(forNextHop(leftMs))
  }

  /** Requests that come together have the same time left. */
  #deadline(ms: number): string {
    if (ms !== this.#deadlineMs) {
      this.#deadlineMs = ms
      this.#deadlineLine = flat(`${INTERNAL.deadline}: ${ms}\r\n`)
    }
    return this.#deadlineLine
  }

  #originOf(request: InboundRequest): OriginLines {
    const origins = this.#origins
    const { proto, port } = request
    for (let i = 0; i < origins.length; i++) {
      const known = origins[i] as KnownOrigin
      if (known.port === port && known.proto === proto && request.isHost(known.name)) return known
    }
    const { host, forwarded } = originLines(request)
    const origin = { name: flat(request.host), proto, port, host: flat(host), forwarded: flat(forwarded) }
    origins[this.#oldestOrigin] = origin
    this.#oldestOrigin = (this.#oldestOrigin + 1) % KEPT_ORIGINS
    return origin
  }

  #firstOn(node: NodeInfo): string {
    let lines = this.#first.get(node)
    if (lines === undefined) {
      lines = flat(this.#on(node, 1))
      this.#first.set(node, lines)
    }
    return lines
  }

  #on(node: NodeInfo, attempt: number): string {
    const target = `${node.service}/${node.id}`
    return this.#always + toFieldLines([INTERNAL.attempt, String(attempt), INTERNAL.target, target])
  }
}

/** The host comes first. Clients of HTTP/1.0 may leave it out; HTTP/1.1 may not. */
function withHost(common: string, node: NodeInfo): string {
  return `host: ${toHostPort(node.http)}\r\n${common.slice('host: \r\n'.length)}`
}
