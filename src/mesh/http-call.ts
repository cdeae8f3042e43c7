/** Calls an action of another service over HTTP, from code: the same way out as the gateway's, with a Response at its end. */
import type { Attempt, Call, Carrier, Dispatched, Dispatcher, Outcome } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { CallContext } from '../core/context.ts'
import { deadlineIn, forNextHop } from '../core/deadline.ts'
import { GomsError } from '../core/errors.ts'
import type { NodeInfo } from '../core/node.ts'
import type { Policy } from '../core/options.ts'
import type { ActionRequest } from '../core/running.ts'
import { INTERNAL, toIdentityHeader } from '../http/internal.ts'
import { outcomeOf } from '../http/outcome.ts'
import { childOf, newTrace, writeTraceContext } from '../telemetry/trace-context.ts'
import type { Upstream, UpstreamHandle } from '../transport/upstream.ts'

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
      trace: context ? childOf(context.trace) : newTrace(),
      caller: deps.caller,
      identity: context?.identity,
      hopAttempt: context?.attempt ?? 1,
      affinity: undefined,
      offers: route.offers,
    }
    return await new Promise<Response>((resolve, reject) => {
      const carrier = new ResponseCarrier(deps, call, route, method, request, resolve, reject)
      carrier.run(request.signal ?? context?.signal)
    })
  }
}

class ResponseCarrier implements Carrier {
  readonly #deps: HttpCallerDeps
  readonly #call: Call
  readonly #route: ActionRoute
  readonly #method: string
  readonly #headers: readonly string[]
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
    this.#headers = toHeaders(request, call, deps.callKey)
    this.#search = toSearch(request.query)
    this.#body = toBody(request)
    this.#resolve = resolve
    this.#reject = reject
  }

  run(signal: AbortSignal | undefined): void {
    if (signal?.aborted) {
      this.#reject(cancelled(this.#call))
      return
    }
    const onAbort = (): void => {
      this.#dispatched?.cancel()
      this.#reject(cancelled(this.#call))
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#stopListening = () => signal?.removeEventListener('abort', onAbort)
    this.#dispatched = this.#deps.dispatcher.dispatch(this.#call, this)
  }

  repeatable(): boolean {
    return true
  }

  attempt(attempt: Attempt): (why: 'timeout' | 'cancelled') => void {
    const path = this.#route.pathAt(attempt.node) + this.#search
    const headers = [
      ...this.#headers,
      INTERNAL.target,
      `${this.#call.service}/${attempt.node.id}`,
      INTERNAL.attempt,
      String(attempt.number),
    ]
    const leftMs = attempt.leftMs()
    if (leftMs !== Number.POSITIVE_INFINITY) headers.push(INTERNAL.deadline, String(forNextHop(leftMs)))
    let stream: AnswerStream | undefined
    const handle: UpstreamHandle = this.#deps.upstream.send(
      attempt.node.http,
      { method: this.#method, path, headers, body: this.#body },
      {
        sent() {},
        info() {},
        head: (status, answerHeaders, statusText) => {
          const outcome: Outcome = outcomeOf(status, answerHeaders, this.#deps.clock.wallMs())
          if (!attempt.head(outcome)) {
            handle.abort()
            attempt.end('cancelled')
            return
          }
          stream = new AnswerStream(
            () => handle.resume(),
            () => this.#dispatched?.cancel(),
          )
          this.#resolve(toResponse(status, statusText, answerHeaders, this.#method, stream))
        },
        data: (chunk) => stream?.push(chunk) ?? true,
        end: () => {
          this.#stopListening?.()
          attempt.end('complete')
          stream?.end()
        },
        error: (error, stage) => {
          this.#stopListening?.()
          if (stage !== 'broken') attempt.head({ stage, status: 0, cause: error })
          attempt.end('broken')
          stream?.fail(error)
        },
      },
    )
    return (why) => {
      handle.abort()
      stream?.fail(why === 'timeout' ? tooLate(this.#call) : cancelled(this.#call))
    }
  }

  fail(error: GomsError): void {
    this.#stopListening?.()
    this.#reject(error)
  }
}

/** The body of an answer as a web stream, with back-pressure to the node. */
class AnswerStream {
  readonly readable: ReadableStream<Uint8Array>
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(resume: () => void, cancel: () => void) {
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller
      },
      pull: resume,
      cancel,
    })
  }

  push(chunk: Buffer): boolean {
    this.#controller?.enqueue(chunk)
    return (this.#controller?.desiredSize ?? 1) > 0
  }

  end(): void {
    this.#controller?.close()
    this.#controller = undefined
  }

  fail(error: Error): void {
    this.#controller?.error(error)
    this.#controller = undefined
  }
}

function toResponse(
  status: number,
  statusText: string,
  headers: readonly string[],
  method: string,
  stream: AnswerStream,
): Response {
  const list = new Headers()
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if (!name.toLowerCase().startsWith('goms-')) list.append(name, headers[i + 1] ?? '')
  }
  const body = NO_BODY.has(status) || method === 'HEAD' ? null : stream.readable
  return new Response(body, { status, statusText, headers: list })
}

function toHeaders(request: ActionRequest, call: Call, callKey: string | undefined): readonly string[] {
  const headers: string[] = []
  for (const [name, value] of Object.entries(request.headers ?? {})) headers.push(name, value)
  if (request.json !== undefined) headers.push('content-type', 'application/json')
  if (callKey !== undefined) headers.push(INTERNAL.callServiceKey, callKey, INTERNAL.callKey, callKey)
  headers.push(INTERNAL.caller, call.caller)
  const identity = call.identity === undefined ? undefined : toIdentityHeader(call.identity)
  if (identity !== undefined) headers.push(INTERNAL.identity, identity)
  headers.push(...writeTraceContext(call.trace))
  return headers
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
