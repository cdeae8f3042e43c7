/** Calls an action of another service over HTTP, from code: the same way out as the gateway's, with a Response at its end. */
import type { Attempt, AttemptHandle, Call, Carrier, Dispatched, Dispatcher, Outcome } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { CallContext, TraceContext } from '../core/context.ts'
import { deadlineIn, forNextHop } from '../core/deadline.ts'
import { GomsError } from '../core/errors.ts'
import { type NodeInfo, toHostPort } from '../core/node.ts'
import type { TraceFormat } from '../core/observability-options.ts'
import type { Policy } from '../core/options.ts'
import type { ActionRequest } from '../core/running.ts'
import { FIELD, kindOfField } from '../http/field-kinds.ts'
import type { Fields } from '../http/fields.ts'
import { toFieldLines } from '../http/header-rules.ts'
import { INTERNAL, toIdentityHeader } from '../http/internal.ts'
import { outcomeOf } from '../http/outcome.ts'
import { REQUEST_ID } from '../http/request-id.ts'
import { attemptTrace } from '../telemetry/attempt-position.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import { childOf, newTraceWords, rootOf, writeTraceContext } from '../telemetry/trace-context.ts'
import type { AnswerHead, Upstream, UpstreamHandle } from '../transport/upstream.ts'
import { AnswerStream } from './answer-stream.ts'
import { namedIn } from './request-name.ts'

/** What the route table knows of an action. */
export interface ActionRoute {
  readonly methods: readonly string[] | undefined
  pathAt(node: NodeInfo): string
  readonly policy: Policy
  readonly idempotent: boolean | undefined
  readonly offers: ((node: NodeInfo) => boolean) | undefined
}

export interface HttpCallerDeps {
  readonly dispatcher: Dispatcher
  readonly upstream: Upstream
  route(service: string, action: string): ActionRoute | undefined
  /** The call in progress that this one is part of. */
  context(): CallContext | undefined
  readonly callKey: string | undefined
  /** Name of the calling service. */
  readonly caller: string
  readonly clock: Clock
  /** Traces are recorded: decides about those that begin here. @default none is */
  readonly sampler?: Sampler | undefined
  /** What traces travel as. @default W3C and B3 */
  readonly formats?: readonly TraceFormat[] | undefined
  /** Silence within an answer after which it is given up. */
  idleTimeoutMs(): number
  /** What consistent hashing goes by, where the service is balanced so. */
  affinity(service: string, headers: Readonly<Record<string, string>>, search: string): string | undefined
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
/** Statuses whose answers have no body; `Response` refuses one for them. */
const NO_BODY = new Set([204, 205, 304])

/** @param within the call in progress that this one is part of. @default the one that the running code belongs to */
export type HttpCaller = (
  service: string,
  action: string,
  request: ActionRequest,
  within?: CallContext,
) => Promise<Response>

export function createHttpCaller(deps: HttpCallerDeps): HttpCaller {
  return async (service, action, request, within) => {
    const route = deps.route(service, action)
    if (!route) throw new GomsError('NOT_FOUND', `${service}/${action}: no such action is configured or advertised`)
    checkActionRequest(service, action, request)
    const context = within ?? deps.context()
    const method = (
      request.method ??
      (route.methods?.length === 1 ? route.methods[0] : undefined) ??
      'GET'
    ).toUpperCase()
    const policy = { ...route.policy, ...(request.retries === undefined ? {} : { retries: request.retries }) }
    const timeoutMs = Math.min(request.timeoutMs ?? policy.timeoutMs, context?.leftMs() ?? Number.POSITIVE_INFINITY)
    const call: Call = {
      transport: 'http',
      service,
      action,
      policy: { ...policy, timeoutMs },
      idempotent: route.idempotent ?? SAFE_METHODS.has(method),
      deadline: deadlineIn(deps.clock, timeoutMs),
      trace: context ? childOf(context.trace) : newRoot(deps.sampler, service, action),
      attemptSpans: deps.sampler === undefined ? undefined : 'own',
      requestId: namedIn(context),
      caller: deps.caller,
      identity: context?.identity,
      hopAttempt: context?.attempt ?? 1,
      affinity: deps.affinity(service, lowerCased(request.headers), toSearch(request.query)),
      offers: route.offers,
    }
    return await new Promise<Response>((resolve, reject) => {
      const carrier = new ResponseCarrier(deps, call, route, method, request, resolve, reject)
      carrier.run([request.signal, context?.signal].filter((signal) => signal !== undefined))
    })
  }
}

class ResponseCarrier implements Carrier {
  readonly #deps: HttpCallerDeps
  readonly #call: Call
  readonly #route: ActionRoute
  readonly #method: string
  /** Lines of all attempts. */
  readonly #fields: string
  readonly #hasHost: boolean
  readonly #search: string
  readonly #body: Buffer | null
  readonly #resolve: (response: Response) => void
  readonly #reject: (error: unknown) => void
  #dispatched: Dispatched | undefined
  #stopListening: (() => void) | undefined

  constructor(
    deps: HttpCallerDeps,
    call: Call,
    route: ActionRoute,
    method: string,
    request: ActionRequest,
    resolve: (response: Response) => void,
    reject: (error: unknown) => void,
  ) {
    this.#deps = deps
    this.#call = call
    this.#route = route
    this.#method = method
    this.#fields = toFields(request, call, deps.callKey)
    this.#hasHost = /^host:/im.test(this.#fields)
    this.#search = toSearch(request.query)
    this.#body = toBody(request)
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Any of the signals ends it. */
  run(signals: readonly AbortSignal[]): void {
    if (signals.some((signal) => signal.aborted)) {
      this.#reject(cancelled(this.#call))
      return
    }
    const onAbort = (): void => {
      this.#dispatched?.cancel()
      this.#reject(cancelled(this.#call))
    }
    for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true })
    this.#stopListening = () => {
      for (const signal of signals) signal.removeEventListener('abort', onAbort)
    }
    this.#dispatched = this.#deps.dispatcher.dispatch(this.#call, this)
  }

  repeatable(): boolean {
    return true
  }

  attempt(attempt: Attempt): AttemptHandle {
    const path = this.#route.pathAt(attempt.node) + this.#search
    let stream: AnswerStream | undefined
    const broken = (error: Error): void => {
      this.#stopListening?.()
      handle.abort()
      attempt.end('broken')
      stream?.fail(error)
      // Without effect once there was a head.
      this.#reject(error)
    }
    const handle: UpstreamHandle = this.#deps.upstream.send(
      attempt.node.http,
      { method: this.#method, path, fields: this.#attemptFields(attempt), body: this.#body },
      {
        sent() {},
        info() {},
        head: (head) => {
          const outcome: Outcome = outcomeOf(head.status, head.fields, this.#deps.clock)
          if (!attempt.head(outcome)) {
            handle.abort()
            attempt.end('cancelled')
            return
          }
          stream = new AnswerStream({
            clock: this.#deps.clock,
            idleTimeoutMs: this.#deps.idleTimeoutMs(),
            resume: () => handle.resume(),
            cancel: () => {
              this.#stopListening?.()
              this.#dispatched?.cancel()
            },
            idle: () => broken(tooLate(this.#call)),
          })
          try {
            this.#resolve(toResponse(head, stream))
          } catch (cause) {
            broken(unreadable(this.#call, cause))
          }
        },
        data: (chunk) => stream?.push(chunk) ?? true,
        end: () => {
          this.#stopListening?.()
          attempt.end('complete')
          stream?.end()
        },
        error: (error, stage) => {
          if (stage === 'broken') {
            broken(error)
            return
          }
          // Told once: the head has said all that this says of the node. Another attempt may follow.
          attempt.head({ stage, status: 0, cause: error })
          attempt.end('cancelled')
        },
      },
    )
    return {
      abort: (why) => {
        handle.abort()
        if (stream) this.#stopListening?.()
        stream?.fail(why === 'timeout' ? tooLate(this.#call) : cancelled(this.#call))
      },
    }
  }

  fail(error: GomsError): void {
    this.#stopListening?.()
    error.traceId ??= this.#call.trace.traceId
    this.#reject(error)
  }

  #attemptFields(attempt: Attempt): string {
    const own = [INTERNAL.target, `${this.#call.service}/${attempt.node.id}`, INTERNAL.attempt, String(attempt.number)]
    const leftMs = attempt.leftMs()
    if (leftMs !== Number.POSITIVE_INFINITY) own.push(INTERNAL.deadline, String(forNextHop(leftMs)))
    if (!this.#hasHost) own.push('host', toHostPort(attempt.node.http))
    return (
      this.#fields + toFieldLines(writeTraceContext(attemptTrace(this.#call, attempt.number), own, this.#deps.formats))
    )
  }
}

function toResponse({ status, reason, fields, bodiless }: AnswerHead, stream: AnswerStream): Response {
  const body = NO_BODY.has(status) || bodiless ? null : stream.readable
  return new Response(body, { status, statusText: reason, headers: toHeaders(fields) })
}

function toHeaders(fields: Fields): Headers {
  const headers = new Headers()
  for (let i = 0; i < fields.count; i++) {
    if ((fields.kind(i) & FIELD.internal) === 0) headers.append(fields.name(i), fields.value(i))
  }
  return headers
}

function toFields(request: ActionRequest, call: Call, callKey: string | undefined): string {
  const headers: string[] = givenHeaders(request)
  if (request.json !== undefined) headers.push('content-type', 'application/json')
  if (callKey !== undefined) headers.push(INTERNAL.callServiceKey, callKey, INTERNAL.callKey, callKey)
  headers.push(INTERNAL.caller, call.caller)
  const { requestId } = call
  if (requestId !== undefined && !gives(request, REQUEST_ID)) headers.push(REQUEST_ID, requestId)
  const identity = call.identity === undefined ? undefined : toIdentityHeader(call.identity)
  if (identity !== undefined) headers.push(INTERNAL.identity, identity)
  return toFieldLines(headers)
}

function gives({ headers }: ActionRequest, lowerCaseName: string): boolean {
  return Object.keys(headers ?? {}).some((name) => name.toLowerCase() === lowerCaseName)
}

function newRoot(sampler: Sampler | undefined, service: string, action: string): TraceContext {
  return rootOf(newTraceWords(sampler, service, action), sampler !== undefined)
}

/** Of one hop, or said by us alone. */
const OURS = FIELD.hop | FIELD.trailer | FIELD.framing | FIELD.internal | FIELD.trace

/** Headers of the call in progress are often handed on whole: framing is ours, and so is what only we may say. */
function givenHeaders(request: ActionRequest): string[] {
  return Object.entries(request.headers ?? {})
    .filter(([name]) => (kindOfField(name.toLowerCase()) & OURS) === 0)
    .flatMap(([name, value]) => [name, String(value)])
}

function lowerCased(headers: ActionRequest['headers']): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
}

/** @throws GomsError INVALID_ARGUMENT: what no node is to blame for costs no node an attempt */
function checkActionRequest(service: string, action: string, request: ActionRequest): void {
  const { retries, timeoutMs, headers, json, body } = request
  const wrong = (what: string): GomsError => new GomsError('INVALID_ARGUMENT', `${service}/${action}: ${what}`)
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0 && retries <= 10)) {
    throw wrong(`expected \`retries\` to be an integer from 0 to 10, got \`${retries}\` (${typeof retries})`)
  }
  if (timeoutMs !== undefined && (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs))) {
    throw wrong(`expected \`timeoutMs\` to be milliseconds, got \`${timeoutMs}\` (${typeof timeoutMs})`)
  }
  if (json !== undefined && body !== undefined) throw wrong('expected `json` or `body`, got both')
  try {
    toFieldLines(Object.entries(headers ?? {}).flatMap(([name, value]) => [name, String(value)]))
  } catch (cause) {
    throw new GomsError('INVALID_ARGUMENT', `${service}/${action}: a header cannot be sent: ${String(cause)}`, {
      cause,
    })
  }
}

function unreadable(call: Call, cause: unknown): GomsError {
  return new GomsError('BAD_GATEWAY', `${call.service}/${call.action}: the node answered with a head that is none`, {
    cause,
  })
}

function toBody(request: ActionRequest): Buffer | null {
  if (request.json !== undefined) return Buffer.from(JSON.stringify(request.json))
  return request.body === undefined ? null : Buffer.from(request.body)
}

function toSearch(query: ActionRequest['query']): string {
  if (query === undefined) return ''
  const search = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString()
  return search === '' ? '' : `?${search}`
}

function cancelled(call: Call): GomsError {
  return new GomsError('CANCELLED', `${call.service}/${call.action}: the caller gave up`)
}

function tooLate(call: Call): GomsError {
  return new GomsError('DEADLINE_EXCEEDED', `${call.service}/${call.action}: the answer took too long to end`)
}
