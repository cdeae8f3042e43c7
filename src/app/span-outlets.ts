/** The exporters of spans that settings name. Each is loaded only where it is. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import type { SpanOutlet } from './tracing.ts'

/** @throws GomsError GOMS_CONFIG_INVALID for an address that is none */
export async function openOutlets(
  { zipkinAddr, trace: { otlpAddr } }: Settings,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<readonly SpanOutlet[]> {
  const outlets: SpanOutlet[] = []
  if (zipkinAddr !== undefined) {
    const { createZipkinSink } = await import('../telemetry/zipkin.ts')
    outlets.push(createZipkinSink(zipkinAddr, deps))
  }
  if (otlpAddr !== undefined) {
    const { createOtlpSink } = await import('../telemetry/otlp.ts')
    outlets.push(createOtlpSink(otlpAddr, deps))
  }
  return outlets
}
