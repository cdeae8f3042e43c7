/**
 * The last attempts that were not drawn, for as long as something may still want them: a call that fails or takes long is
 * recorded with what it did, and only its end tells. Bounded in number and age; an entry is written over, never made anew.
 */
import type { Attempt, Call, Outcome } from '../core/call.ts'
import type { TraceContext, TraceWords } from '../core/context.ts'
import type { NodeInfo } from '../core/node.ts'
import type { LocalCall } from '../core/observe.ts'
import { attemptTrace } from './attempt-position.ts'
import { childOf, rootOf } from './trace-context.ts'

/** A process that makes more of them meanwhile has forgotten the first. */
const MAX_STEPS = 4096
const MAX_AGE_MS = 60_000

/** Where a call stands, by the object that it hands out itself. */
export type Position = TraceContext | TraceWords

/** An attempt that has ended, without anything that would keep the call's input or connection. */
export class Step {
  /** Of the call; undefined once it was taken. */
  position: Position | undefined
  /** Of a call past the mesh that nobody asked for its own: what it is part of. */
  parent: TraceContext | undefined
  transport: Call['transport'] = 'rpc'
  /** `user/login`, `user.exists`. */
  name = ''
  service = ''
  caller = ''
  spans: Call['attemptSpans']
  number = 0
  node: NodeInfo | undefined
  passedOver: Attempt['passedOver']
  outcome: Outcome | undefined
  startedMs = 0
  endedMs = 0

  set(name: string, call: Call, attempt: Attempt, outcome: Outcome, startedMs: number, endedMs: number): this {
    this.name = name
    this.position = call.traceWords ?? call.trace
    this.parent = undefined
    this.transport = call.transport
    this.service = call.service
    this.caller = call.caller
    this.spans = call.attemptSpans
    this.number = attempt.number
    this.node = attempt.node
    this.passedOver = attempt.passedOver
    this.outcome = outcome
    this.startedMs = startedMs
    this.endedMs = endedMs
    return this
  }

  /** Number 0: past the mesh. */
  setLocal(name: string, call: LocalCall, outcome: Outcome, startedMs: number, endedMs: number): this {
    this.name = name
    this.position = call.asked
    this.parent = call.within?.trace
    this.transport = 'rpc'
    this.service = call.service
    this.caller = call.caller
    this.spans = undefined
    this.number = 0
    this.node = undefined
    this.passedOver = undefined
    this.outcome = outcome
    this.startedMs = startedMs
    this.endedMs = endedMs
    return this
  }

  /** Where the attempt stands. */
  get trace(): TraceContext | undefined {
    const { position, parent, spans } = this
    if (position === undefined) return parent && childOf(parent)
    const trace = 'trace0' in position ? rootOf(position, true) : position
    return attemptTrace({ trace, attemptSpans: spans }, this.number)
  }
}

export interface StepRing {
  attempt(name: string, call: Call, attempt: Attempt, outcome: Outcome, startedMs: number, endedMs: number): void
  local(name: string, call: LocalCall, outcome: Outcome, startedMs: number, endedMs: number): void
  /** Attempts of the call at that very position that ended since; each is given once. */
  takeOf(position: Position, sinceMs: number, take: (step: Step) => void): void
  /** Those that are part of what stands there. */
  takeBelow(trace: TraceContext, sinceMs: number, take: (step: Step) => void): void
}

export function createStepRing(maxSteps: number = MAX_STEPS): StepRing {
  const steps: Step[] = []
  let next = 0

  function place(): Step {
    let step = steps[next]
    if (step === undefined) {
      step = new Step()
      steps.push(step)
    }
    next = (next + 1) % maxSteps
    return step
  }

  /** From the newest on: they stand in order of their end. */
  function take(sinceMs: number, isWanted: (step: Step) => boolean, give: (step: Step) => void): void {
    const found: Step[] = []
    const newest = steps[(next + maxSteps - 1) % maxSteps]
    const oldestMs = Math.max(sinceMs, (newest?.endedMs ?? 0) - MAX_AGE_MS)
    for (let i = 1; i <= steps.length; i++) {
      const step = steps[(next + maxSteps - i) % maxSteps] as Step
      if (step.endedMs < oldestMs) break
      if (isWanted(step)) found.push(step)
    }
    for (const step of found.reverse()) {
      give(step)
      step.position = undefined
      step.parent = undefined
    }
  }

  return {
    attempt(name, call, attempt, outcome, startedMs, endedMs) {
      place().set(name, call, attempt, outcome, startedMs, endedMs)
    },
    local(name, call, outcome, startedMs, endedMs) {
      place().setLocal(name, call, outcome, startedMs, endedMs)
    },
    takeOf(position, sinceMs, give) {
      take(sinceMs, (step) => step.position === position, give)
    },
    takeBelow(trace, sinceMs, give) {
      take(sinceMs, (step) => isBelow(step, trace), give)
    },
  }
}

/** Positions as numbers are of calls that begin a trace, which are below nothing. */
function isBelow({ position, parent }: Step, { spanId, traceId }: TraceContext): boolean {
  if (parent !== undefined) return parent.spanId === spanId && parent.traceId === traceId
  return (
    position !== undefined && 'parentId' in position && position.parentId === spanId && position.traceId === traceId
  )
}
