/** One RPC call at the node that serves it. */
import type { TraceContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { Served } from '../core/observe.ts'
import { childOf, receiveTraceWords } from '../telemetry/trace-context.ts'
import type { RpcReceived } from '../transport/rpc.ts'
import type { CallerHeaders } from './internal-headers.ts'
import { type Callee, ServedCall } from './served-call.ts'

export class RpcCall extends ServedCall implements Served {
  readonly #received: RpcReceived

  constructor(received: RpcReceived, from: CallerHeaders, callee: Callee, deadlineMs: number | undefined) {
    super(from, callee, deadlineMs, received.arrivedAtMs)
    this.#received = received
  }

  get transport(): 'rpc' {
    return 'rpc'
  }

  get name(): string {
    return this.#received.method
  }

  /** Nobody waits for the answer. */
  get withdrawn(): boolean {
    return this.#received.withdrawn
  }

  protected override sent(lowerCaseName: string): string | undefined {
    return this.#received.metadata(lowerCaseName)
  }

  protected override receivedTrace(): TraceContext {
    const { trace: words, position } = this.#received
    if (position !== undefined) return childOf(position)
    return words === undefined ? super.receivedTrace() : receiveTraceWords(words)
  }

  protected override sentDecision(): boolean | undefined {
    const { sampled, trace } = this.#received
    return sampled ?? trace?.sampled
  }

  protected override get action(): string {
    return this.#received.method
  }

  /** Only now: a handler that never looks at its signal costs no listener. */
  protected override watched(): void {
    this.#received.onAbort(() => this.abort(withdrawn()))
  }

  protected override gone(): GomsError | undefined {
    return this.#received.withdrawn ? withdrawn() : undefined
  }
}

function withdrawn(): GomsError {
  return new GomsError('CANCELLED', 'call: the caller went away')
}
