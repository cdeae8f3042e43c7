/** Traces of a process: which are recorded, what is made of them, and where they go. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Observers } from '../core/observe.ts'
import type { Settings } from '../core/options.ts'
import type { Span, SpanSink } from '../core/span.ts'
import type { BatchSenderNumbers } from '../telemetry/batch-sender.ts'
import { createRecorder } from '../telemetry/recorder.ts'
import { createRedactor, type Redactor } from '../telemetry/redaction.ts'
import { createSampler, type Sampler } from '../telemetry/sampler.ts'

/** Where spans go. */
export interface SpanOutlet extends SpanSink {
  /** What it is called in metrics, with its numbers. */
  readonly name?: string
  numbers?(): BatchSenderNumbers
  /** Sends what is there, within that time. */
  close(withinMs?: number): Promise<void>
}

export interface Tracing {
  readonly sampler: Sampler
  readonly observers: Observers
  /** A node of this process has its name, `<rpc address>_<http address>`. */
  named(service: string, node: string): void
  /** The call key is known: it appears in nothing that is recorded. */
  keyed(callKey: string | undefined): void
  update(settings: Settings): void
  close(withinMs: number): Promise<void>
}

export interface TracingDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  readonly outlets: readonly SpanOutlet[]
}

export function createTracing({ settings, clock, outlets }: TracingDeps): Tracing {
  const sampler = createSampler(settings.trace)
  const nodes = new Map<string, string>()
  let current = settings
  let callKey = settings.callKey
  let redactor = redactorOf()

  function redactorOf(): Redactor {
    const secrets = [callKey, current.registry.password].filter((secret) => secret !== undefined)
    return createRedactor({ redact: current.trace.redact, secrets })
  }

  const recorder = createRecorder({
    clock,
    sink: allOf(outlets),
    nodeOf: (service) => nodes.get(service) ?? '',
    redactor: () => redactor,
    options: settings.trace,
  })
  return {
    sampler,
    observers: recorder,
    named: (service, node) => void nodes.set(service, node),
    keyed(key) {
      callKey = key ?? callKey
      redactor = redactorOf()
    },
    update(changed) {
      current = changed
      sampler.update(changed.trace)
      recorder.update(changed.trace)
      redactor = redactorOf()
    },
    async close(withinMs) {
      await Promise.all(outlets.map((outlet) => outlet.close(withinMs)))
    },
  }
}

function allOf(outlets: readonly SpanOutlet[]): SpanSink {
  const [only] = outlets
  if (only !== undefined && outlets.length === 1) return only
  return {
    take(span: Span) {
      for (const outlet of outlets) outlet.take(span)
    },
  }
}
