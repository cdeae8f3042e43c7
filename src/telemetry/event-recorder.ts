/** Spans of events that are emitted: from the wish to emit to the broker's confirm. Handlers come below them. */
import type { TraceContext } from '../core/context.ts'
import type { EventObserver, Failing } from '../core/observe.ts'
import type { Recording } from './recording.ts'

export class EventRecorder implements EventObserver {
  readonly #recording: Recording
  readonly #service: string
  readonly #name: string

  constructor(recording: Recording, service: string, name: string) {
    this.#recording = recording
    this.#service = service
    this.#name = name
  }

  emitted(trace: TraceContext, failing: Failing | undefined, startedMs: number, nowMs: number): void {
    if (trace.sampled !== true && !this.#recording.isLate(failing !== undefined, nowMs - startedMs)) return
    this.#recording.take(
      trace,
      `emit ${this.#name}`,
      'PRODUCER',
      this.#service,
      undefined,
      { 'goms.event': this.#name },
      failing,
      startedMs,
      nowMs,
    )
  }
}
