import { expect, it } from 'vitest'
import { changedPaths } from '../config/changes.ts'
import { resolveSettings } from '../config/resolve.ts'
import type { TraceFile } from '../config/shape.ts'
import { manualClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import type { Span } from '../core/span.ts'
import { nodeOf, OK, rigOf, ScriptedCarrier, send } from '../mesh/mesh.fixtures.ts'
import { newTrace } from '../telemetry/trace-context.ts'
import { createTracing, type SpanOutlet } from './tracing.ts'

function settingsOf(trace: TraceFile): Settings {
  return resolveSettings(
    { trace },
    {
      ...{ kind: 'memory', endpoints: [], user: undefined, password: undefined, tls: undefined, embeddedPort: 0 },
      ...{ dialect: 'goms', leaseTtlMs: 10_000, connectTimeoutMs: 10_000 },
    },
  )
}

it('takes changed settings for what is recorded from then on, and knows which of them it can take', async () => {
  const spans: Span[] = []
  const closed: (number | undefined)[] = []
  const outlet: SpanOutlet = {
    take: (span) => void spans.push(span),
    close: async (withinMs) => void closed.push(withinMs),
  }
  const clock = manualClock(1000)
  const before = settingsOf({ sample: 0, errors: false })
  const tracing = createTracing({ settings: before, clock, log: silentLog, outlets: [outlet] })
  const use = [() => Promise.reject(new GomsError('UNAVAILABLE', 'the door of hunter2 is shut'))]
  const { mesh, call } = rigOf([nodeOf(1)], { clock, observe: tracing.observers.outbound, use })
  const trace = newTrace(false)
  await send(mesh, call({}, { trace }), new ScriptedCarrier([OK]))
  expect(spans).toEqual([])
  expect(tracing.sampler.drawOf(trace.traceId, 'user', 'login')).toBe(false)

  const after = settingsOf({ sample: 1, errors: true, propagate: ['uber'] })
  expect(changedPaths(before, after)).toEqual(['trace.sample', 'trace.errors', 'trace.propagate'])
  tracing.update(after)
  // Known only now: it is part of what nobody is told from here on.
  tracing.keyed('hunter2')
  tracing.named('test', '10.0.0.9:9180_10.0.0.9:9080')
  expect(tracing.sampler.drawOf(trace.traceId, 'user', 'login')).toBe(true)
  await send(mesh, call({}, { trace }), new ScriptedCarrier([OK]))
  expect(spans).toMatchObject([{ node: '10.0.0.9:9180_10.0.0.9:9080', error: { code: 'UNAVAILABLE' } }])
  expect(JSON.stringify(spans)).not.toContain('hunter2')

  await tracing.close(1000)
  expect(closed).toEqual([1000])
})
