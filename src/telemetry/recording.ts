/** What the recorders of a process share: which calls are recorded, the last steps of those that were not, and where spans go. */
import type { Clock } from '../core/clock.ts'
import type { TraceContext } from '../core/context.ts'
import type { NodeInfo, Transport } from '../core/node.ts'
import type { TraceOptions } from '../core/observability-options.ts'
import type { Failing } from '../core/observe.ts'
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
  #checkedMs = 0
  readonly #names = new Map<string, string>()

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
  take(
    trace: TraceContext,
    name: string,
    kind: Span['kind'],
    service: string,
    remote: Span['remote'],
    tags: Span['tags'],
    error: Failing | undefined,
    startedMs: number,
    endedMs: number,
  ): void {
    const { sink, nodeOf } = this.#deps
    if (endedMs - this.#checkedMs > CHECK_MS) this.#check(endedMs)
    sink.take({
      trace,
      name,
      kind,
      service,
      node: nodeOf(service),
      remote,
      startedMs: startedMs + this.#offsetMs,
      durationMs: Math.max(0, endedMs - startedMs),
      tags,
      error: error && { code: error.code, message: this.redactor.text(error.message) },
    })
  }

  /** @param trace where it stands */
  takeStep = (step: Step, trace: TraceContext | undefined = step.trace): void => {
    const { outcome, node, transport, service } = step
    if (outcome === undefined || trace === undefined) return
    const remote = node === undefined ? { service } : remoteOf(node, transport)
    const tags = attemptTags(transport, outcome, step.number, node, step.passedOver)
    const error = outcome.status === 200 ? undefined : attemptError(outcome)
    this.take(trace, step.name, 'CLIENT', step.caller, remote, tags, error, step.startedMs, step.endedMs)
  }

  /** A name that comes from outside, without what may be a secret in it. */
  safeName(name: string): string {
    let safe = this.#names.get(name)
    if (safe === undefined) {
      safe = this.redactor.text(name)
      if (this.#names.size >= MAX_NAMES) this.#names.clear()
      this.#names.set(name, safe)
    }
    return safe
  }

  /** The wall's clock is set at times: what is recorded follows it, but not its steps of a millisecond. */
  #check(nowMs: number): void {
    this.#checkedMs = nowMs
    const offsetMs = this.#offset()
    if (Math.abs(offsetMs - this.#offsetMs) > DRIFT_MS) this.#offsetMs = offsetMs
  }

  #offset(): number {
    const { clock } = this.#deps
    return clock.wallMs() - clock.now()
  }
}

/** Less is the rounding of the wall's clock, and the time between two looks. */
const DRIFT_MS = 20
const CHECK_MS = 1000
/** Of requests to services: as many as there are routes, and what somebody with the call key makes up. */
const MAX_NAMES = 1000

interface Remotes {
  readonly http: NonNullable<Span['remote']>
  readonly rpc: NonNullable<Span['remote']>
}

const remotes = new WeakMap<NodeInfo, Remotes>()

function remoteOf(node: NodeInfo, transport: Transport): NonNullable<Span['remote']> {
  let known = remotes.get(node)
  if (known === undefined) {
    const { service, http, rpc } = node
    known = { http: { service, ...http }, rpc: { service, ...rpc } }
    remotes.set(node, known)
  }
  return known[transport]
}
