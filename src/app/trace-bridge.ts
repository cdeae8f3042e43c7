/** Finds out whether OpenTelemetry is set up in this process. */
import type { Log } from '../core/log.ts'
import type { TraceBridge } from '../core/trace-bridge.ts'
import { openTelemetryBridge } from '../telemetry/opentelemetry.ts'

/** Never rejects: calls work without it. */
export async function openTraceBridge(log: Log, records: () => boolean): Promise<TraceBridge | undefined> {
  try {
    return await openTelemetryBridge({ records })
  } catch (cause) {
    log.warn('OpenTelemetry is set up in this process, but its spans and ours are not joined', {
      fix: 'npm install @opentelemetry/api@^1.9',
      err: cause instanceof Error ? cause : new Error(String(cause)),
    })
    return undefined
  }
}
