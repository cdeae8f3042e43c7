/** What the recorders of a process share: which calls are recorded, the last steps of those that were not, and where spans go. */
import type { Clock } from '../core/clock.ts'
import type { Transport } from '../core/node.ts'
import type { TraceOptions } from '../core/observability-options.ts'
import type { Span, SpanSink } from '../core/span.ts'
import type { Redactor } from './redaction.ts'
import { attemptError, attemptTags } from './span-tags.ts'
import { createStepRing, type Step, type StepRing } from './step-ring.ts'

/** Which calls are recorded although they were not drawn, and what is kept of them. */
export type Recorded = Pick<TraceOptions, 'errors' | 'slowMs' | 'capture'>

export interface RecorderDeps {
  readonly clock: Clock
  /** Takes the spans. */
  readonly sink: SpanSink
  /** Name of the node of that service in this process, `<rpc address>_<http address>`; empty: it has none. */
  nodeOf(service: string): string
  /** What takes secrets out of what is told, now. */
  redactor(): Redactor
  readonly options: Recorded
}

export class Recording {
  options: Recorded
  readonly steps: StepRing = createStepRing()
  readonly #deps: RecorderDeps
  /** Between the clock that durations are measured by, and the wall's. */
  #offsetMs: number

  constructor(deps: RecorderDeps) {
    this.#deps = deps
    this.options = deps.options
    this.#offsetMs = this.#offset()
  }

  get redactor(): Redactor {
    return this.#deps.redactor()
  }

  /** Whether a call is recorded although it was not drawn. */
  isLate(failed: boolean, tookMs: number): boolean {
    return (failed && this.options.errors) || tookMs > this.options.slowMs
  }

  /** Hands a span on. Times are those of the clock. */
  take(span: Omit<Span, 'startedMs' | 'durationMs' | 'node'>, startedMs: number, endedMs: number): void {
    const { sink } = this.#deps
    const durationMs = Math.max(0, endedMs - startedMs)
    const { error } = span
    const said = error && { code: error.code, message: this.redactor.text(error.message) }
    const node = this.#deps.nodeOf(span.service)
    sink.take({ ...span, error: said, node, startedMs: this.#wall(startedMs), durationMs })
  }

  takeStep = (step: Step): void => {
    const { trace, service, action, transport, outcome, number, node, passedOver } = step
    if (outcome === undefined || trace === undefined) return
    this.take(
      {
        trace,
        name: nameOf(transport, service, action),
        kind: 'CLIENT',
        service: step.caller,
        remote: node === undefined ? { service } : { service, ...node[transport] },
        tags: attemptTags({ transport, outcome, number, node, passedOver }),
        error: attemptError(outcome),
      },
      step.startedMs,
      step.endedMs,
    )
  }

  /** The wall's clock is set at times: what is recorded follows it, but not its steps of a millisecond. */
  #wall(ms: number): number {
    const offsetMs = this.#offset()
    if (Math.abs(offsetMs - this.#offsetMs) > DRIFT_MS) this.#offsetMs = offsetMs
    return ms + this.#offsetMs
  }

  #offset(): number {
    const { clock } = this.#deps
    return clock.wallMs() - clock.now()
  }
}

/** Less is the rounding of the wall's clock, and the time between two looks. */
const DRIFT_MS = 20

/** `user.exists` for methods, `user/login` for actions. */
export function nameOf(transport: Transport, service: string, action: string): string {
  return `${service}${transport === 'rpc' ? '.' : '/'}${action}`
}
