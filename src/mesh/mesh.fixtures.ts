/** What the tests of this room share: a view that is set by hand, and carriers that answer as they are told. */
import type { Attempt, AttemptHandle, Call, Carrier, Ending, Outcome } from '../core/call.ts'
import { type ManualClock, manualClock } from '../core/clock.ts'
import { deadlineIn } from '../core/deadline.ts'
import type { GomsError } from '../core/errors.ts'
import type { NodeInfo } from '../core/node.ts'
import { defaultPolicy, type Policy } from '../core/options.ts'
import type { View, ViewChange } from '../registry/registry.ts'
import { createMesh, type Mesh, type MeshOptions } from './mesh.ts'

export function nodeOf(n: number, more: Partial<NodeInfo> = {}): NodeInfo {
  const name = `10.0.0.${n}:9180_10.0.0.${n}:9080`
  return {
    key: `goms_user_${name}`,
    service: 'user',
    name,
    id: `id-${n}`,
    rpc: { host: `10.0.0.${n}`, port: 9180 },
    http: { host: `10.0.0.${n}`, port: 9080 },
    dialect: 'goms',
    protocols: ['http'],
    version: undefined,
    zone: undefined,
    startedAtMs: undefined,
    contract: undefined,
    weight: 1,
    draining: false,
    admin: undefined,
    ...more,
  }
}

/** A view of one service, `user`. */
export function viewOf(...initial: readonly NodeInfo[]): View & { set(...nodes: NodeInfo[]): void } {
  let nodes = [...initial]
  const listeners = new Set<(change: ViewChange) => void>()
  return {
    services: () => ['user'],
    nodes: (service) => (service === 'user' ? nodes : []),
    contract: () => undefined,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onContract: () => () => {},
    skipped: 0,
    set(...next) {
      const before = nodes
      nodes = next
      for (const node of before) {
        if (!next.some((n) => n.id === node.id)) for (const tell of listeners) tell({ type: 'leave', node })
      }
      for (const node of next) {
        const known = before.find((n) => n.id === node.id)
        for (const tell of listeners) tell(known ? { type: 'update', node, before: known } : { type: 'join', node })
      }
    },
  }
}

export interface MeshRig {
  readonly clock: ManualClock
  readonly mesh: Mesh
  readonly view: ReturnType<typeof viewOf>
  call(policy?: Partial<Policy>, more?: Partial<Call>): Call
}

export function rigOf(nodes: readonly NodeInfo[], options: Partial<MeshOptions> = {}): MeshRig {
  const clock = manualClock(1000)
  const view = viewOf(...nodes)
  const mesh = createMesh({
    view,
    clock,
    balance: { default: 'round-robin', services: {} },
    probe: async () => false,
    random: () => 0.5,
    ...options,
  })
  return {
    clock,
    mesh,
    view,
    call(policy = {}, more = {}) {
      const whole = { ...defaultPolicy, ...policy }
      return {
        transport: 'http',
        service: 'user',
        action: 'login',
        policy: whole,
        idempotent: true,
        deadline: deadlineIn(clock, whole.timeoutMs),
        trace: { traceId: 'a', spanId: 'b', parentId: undefined, sampled: undefined, state: undefined },
        caller: 'test',
        identity: undefined,
        hopAttempt: 1,
        affinity: undefined,
        offers: undefined,
        ...more,
      }
    },
  }
}

/** What a scripted attempt does: an outcome at once, or nothing until it is told. */
export type Script = Outcome | 'hang'

export const OK: Outcome = { stage: 'answered', status: 200 }
export const UNSENT: Outcome = { stage: 'unsent', status: 0 }
export const UNANSWERED: Outcome = { stage: 'unanswered', status: 0 }
export const DRAINING: Outcome = { stage: 'refused', status: 503, refusal: 'draining' }
export const BUSY: Outcome = { stage: 'busy', status: 503, retryAfterMs: 1000 }
export const FAILED: Outcome = { stage: 'answered', status: 500 }

/** A carrier that goes by its script, one entry an attempt, the last one for all that follow. */
export class ScriptedCarrier implements Carrier {
  readonly nodes: string[] = []
  readonly attempts: Attempt[] = []
  readonly broken: string[] = []
  answer: Outcome | undefined
  error: GomsError | undefined
  readonly #script: readonly Script[]
  readonly #ending: Ending
  readonly #isRepeatable: boolean

  constructor(script: readonly Script[], options: { ending?: Ending; repeatable?: boolean } = {}) {
    this.#script = script
    this.#ending = options.ending ?? 'complete'
    this.#isRepeatable = options.repeatable ?? true
  }

  repeatable(): boolean {
    return this.#isRepeatable
  }

  attempt(attempt: Attempt): AttemptHandle {
    const step = this.#script[Math.min(this.attempts.length, this.#script.length - 1)]
    this.attempts.push(attempt)
    this.nodes.push(attempt.node.id)
    if (step !== undefined && step !== 'hang') this.report(attempt, step)
    return { abort: (why) => this.broken.push(why) }
  }

  report(attempt: Attempt, outcome: Outcome): void {
    const isFinal = attempt.head(outcome)
    if (isFinal) this.answer = outcome
    attempt.end(isFinal ? this.#ending : 'cancelled')
  }

  fail(error: GomsError): void {
    this.error = error
  }
}

/** Sends a call through and lets what follows in microtasks happen. */
export async function send(mesh: Mesh, call: Call, carrier: ScriptedCarrier): Promise<ScriptedCarrier> {
  mesh.dispatch(call, carrier)
  for (let i = 0; i < 20; i++) await Promise.resolve()
  return carrier
}
