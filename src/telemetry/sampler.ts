/**
 * Decides which traces are recorded, before anything of them exists: by bits of the trace id that are random anyway, so that
 * every process decides alike about one trace, and no other random number is needed.
 */
import type { TraceContext, TraceWords } from '../core/context.ts'
import type { TraceOptions } from '../core/observability-options.ts'

type Shares = Pick<TraceOptions, 'sample' | 'routes'>

export interface Sampler {
  /** For a trace that nobody has decided about. `action` may be empty: then what is said of the service counts. */
  draw(words: Pick<TraceWords, 'trace2' | 'trace3'>, service: string, action: string): boolean
  /** The same by the text of its id. */
  drawOf(traceId: string, service: string, action: string): boolean
  /** Changed shares, for traces from now on. */
  update(shares: Shares): void
}

/** Of one service: its own share, and those of its actions. */
interface ServiceShares {
  readonly own: number | undefined
  readonly actions: ReadonlyMap<string, number>
}

export function createSampler(initial: Shares): Sampler {
  let all = thresholdOf(initial.sample)
  let services = toServices(initial.routes)

  function threshold(service: string, action: string): number {
    if (services.size === 0) return all
    const of = services.get(service)
    return of?.actions.get(action) ?? of?.own ?? all
  }

  return {
    draw: ({ trace2, trace3 }, service, action) => randomness(trace2, trace3) >= threshold(service, action),
    drawOf: (traceId, service, action) => randomnessOf(traceId) >= threshold(service, action),
    update({ sample, routes }) {
      all = thresholdOf(sample)
      services = toServices(routes)
    },
  }
}

/** The decision that goes with a trace: the one that came with it where that is believed, else what is drawn. */
export function decided(
  trace: TraceContext,
  sampler: Sampler | undefined,
  believed: boolean,
  service: string,
  action: string,
): TraceContext {
  if (sampler === undefined || (believed && trace.sampled !== undefined)) return trace
  return { ...trace, sampled: sampler.drawOf(trace.traceId, service, action) }
}

/**
 * 32 bits of the 56 that are random in ids of all makers, the upper ones, where others compare too.
 * Source: https://www.w3.org/TR/trace-context-2/#random-trace-id-flag
 */
function randomness(trace2: number, trace3: number): number {
  return ((trace2 << 8) | (trace3 >>> 24)) >>> 0
}

function randomnessOf(traceId: string): number {
  return Number.parseInt(traceId.slice(-14, -6), 16)
}

/** What a number must reach: 0 for all, 2³² for none. */
function thresholdOf(share: number): number {
  return (1 - share) * 2 ** 32
}

function toServices(routes: TraceOptions['routes']): ReadonlyMap<string, ServiceShares> {
  const services = new Map<string, { own: number | undefined; readonly actions: Map<string, number> }>()
  for (const [name, share] of Object.entries(routes)) {
    const slash = name.indexOf('/')
    const service = slash < 0 ? name : name.slice(0, slash)
    const of = services.get(service) ?? { own: undefined, actions: new Map() }
    services.set(service, of)
    if (slash < 0) of.own = thresholdOf(share)
    else of.actions.set(name.slice(slash + 1), thresholdOf(share))
  }
  return services
}
