import { expect, it } from 'vitest'
import type { Attempt, Call, Outcome } from '../core/call.ts'
import type { TraceContext } from '../core/context.ts'
import { createStepRing, type StepRing } from './step-ring.ts'
import { childOf, newTrace } from './trace-context.ts'

const OK: Outcome = { stage: 'answered', status: 200 }

function add(ring: StepRing, trace: TraceContext, endedMs: number): void {
  const call = { trace, service: 'user', transport: 'rpc', caller: 'order' } as unknown as Call
  ring.attempt(`${endedMs}`, call, { number: 1 } as Attempt, OK, endedMs - 1, endedMs)
}

function below(ring: StepRing, trace: TraceContext, sinceMs: number): string[] {
  const found: string[] = []
  ring.takeBelow(trace, sinceMs, (step) => found.push(step.name))
  return found
}

it('gives what is part of a call, in the order of its end, once', () => {
  const ring = createStepRing()
  const parent = newTrace(false)
  add(ring, childOf(parent), 10)
  add(ring, childOf(newTrace(false)), 11)
  add(ring, childOf(parent), 12)
  expect(below(ring, parent, 0)).toEqual(['10', '12'])
  expect(below(ring, parent, 0)).toEqual([])
})

it('holds so many, and no older ones than a minute', () => {
  const ring = createStepRing(3)
  const parent = newTrace(false)
  for (let at = 1; at <= 5; at++) add(ring, childOf(parent), at)
  expect(below(ring, parent, 0)).toEqual(['3', '4', '5'])
  add(ring, childOf(parent), 100_000)
  add(ring, childOf(parent), 160_001)
  expect(below(ring, parent, 0)).toEqual(['160001'])
})

it('looks no further back than the call began', () => {
  const ring = createStepRing(4)
  const parent = newTrace(false)
  for (let at = 1; at <= 4; at++) add(ring, childOf(parent), at)
  expect(below(ring, parent, 3)).toEqual(['3', '4'])
})
