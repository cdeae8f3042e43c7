/**
 * Makes spans of calls that have ended, where they are recorded: drawn beforehand, or failed, or slow. While a call runs there
 * is no span; all that is needed afterwards its own objects know.
 */
import type { Observers } from '../core/observe.ts'
import { EventRecorder } from './event-recorder.ts'
import { OutboundRecorder } from './outbound-recorder.ts'
import { type Recorded, type RecorderDeps, Recording } from './recording.ts'
import { RequestRecorder } from './request-recorder.ts'
import { ServedRecorder } from './served-recorder.ts'

export interface Recorder extends Observers {
  /** Changed settings. */
  update(options: Recorded): void
}

export function createRecorder(deps: RecorderDeps): Recorder {
  const recording = new Recording(deps)
  return {
    outbound: (service, action) => new OutboundRecorder(recording, service, action),
    served: (service) => new ServedRecorder(recording, service),
    events: (service, name) => new EventRecorder(recording, service, name),
    requests: (route, gateway) => new RequestRecorder(recording, gateway, route),
    update(options) {
      recording.options = options
    },
  }
}
