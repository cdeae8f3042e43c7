/** Passive health of one node over one transport: what its calls tell, how long it is left out, how it comes back. */
import { fullJitterMs } from '../core/backoff.ts'
import type { Clock } from '../core/clock.ts'
import { NO_PERMIT, nextPermit, type Permit } from './permit.ts'
import { createRecent } from './recent.ts'

export type HealthState = 'ok' | 'hard' | 'soft' | 'probation'

/**
 * Two kinds of doubt. Hard: the node proved that nothing can be sent to it (see `isHardEvidence`); it is probed by
 * connecting. Soft: 5 failures in a row, or less than 80 % of 20 and more went well within 10 s; it is left out for 1 s,
 * doubling to 60 s, with ± 20 % of jitter. From both it returns by one real call that goes well, then by slow start.
 * All times are the clock's.
 */
export interface Health {
  readonly state: HealthState
  /** Under hard suspicion: to be skipped while any other is left. */
  hard(nowMs: number): boolean
  /**
   * Under soft suspicion: to be left out within the bounds of {@link softEjectable}. False once its time is over, until
   * the one call of its probation is under way.
   */
  ejected(nowMs: number): boolean
  /** Before an attempt. Always given; to be handed back once by `success`, `failure` or `release`. */
  take(nowMs: number): Permit
  /** The attempt went well. Best reported when its answer has ended (sessions: at the head): a head alone proves little. */
  success(nowMs: number, permit: Permit): void
  failure(nowMs: number, permit: Permit): void
  /** The attempt says nothing about the node. */
  release(permit: Permit): void
  /** Hard evidence, by an attempt (its permit need not be handed back then) or by a push of the node's. */
  hardEvidence(nowMs: number): void
  /** Whether to try now whether the node accepts connections. */
  probeDue(nowMs: number): boolean
  /** A probe begins; the next is due after a wait that doubles to 10 s, even if this one never reports. */
  probing(nowMs: number): void
  /** What the probe found. Accepted: the next call is the node's probation. */
  probed(accepted: boolean, nowMs: number): void
  /** Slow start's part of the node's weight: 1, or 0.1 growing to 1 within 10 s. */
  share(): number
  /** The node has just joined others that are warm: its slow start begins. */
  warmUp(nowMs: number): void
}

const FAILURES_IN_A_ROW = 5
const FIRST_EJECTION_MS = 1000
const MAX_EJECTION_MS = 60_000
/** A node that went well for so long is forgiven: its next ejection is a first one again. */
const FORGIVEN_AFTER_MS = 60_000
const FIRST_PROBE_MS = 500
const MAX_PROBE_MS = 10_000
const RAMP_MS = 10_000
const LEAST_SHARE = 0.1
/** While more are under soft suspicion than may be ejected, they take turns of this length outside. */
const TURN_MS = 500

/**
 * @param random from 0 (inclusive) to 1 (exclusive)
 * @param becameHard told of the first hard evidence, not of what follows while it holds
 */
export function createHealth(clock: Clock, random: () => number = Math.random, becameHard?: () => void): Health {
  const recent = createRecent()
  let state: HealthState = 'ok'
  let phase: Permit = nextPermit(NO_PERMIT)
  let failuresInARow = 0
  let ejections = 0
  let ejectedUntilMs = 0
  let probes = 0
  let probeAtMs = 0
  /** Calls under way in a probation. */
  let out = 0
  let rampFromMs = Number.NEGATIVE_INFINITY
  let backAtMs = Number.NEGATIVE_INFINITY

  function enter(next: HealthState): void {
    state = next
    phase = nextPermit(phase)
    out = 0
    failuresInARow = 0
    recent.clear()
  }

  function eject(nowMs: number): void {
    if (state === 'ok' && nowMs - backAtMs >= FORGIVEN_AFTER_MS) ejections = 0
    const plainMs = Math.min(MAX_EJECTION_MS, FIRST_EJECTION_MS * 2 ** Math.min(ejections, 16))
    ejections++
    ejectedUntilMs = nowMs + (plainMs * (4 + 2 * random())) / 5
    enter('soft')
  }

  function comeBack(nowMs: number): void {
    enter('ok')
    probes = 0
    backAtMs = nowMs
    rampFromMs = nowMs
  }

  function planProbe(nowMs: number): void {
    // At least half of the wait, so that a probe never follows at once.
    const maxMs = Math.min(MAX_PROBE_MS, FIRST_PROBE_MS * 2 ** Math.min(probes++, 16))
    probeAtMs = nowMs + maxMs / 2 + fullJitterMs(0, { baseMs: maxMs / 2, maxMs, random })
  }

  return {
    get state() {
      return state
    },
    hard: () => state === 'hard',
    ejected: (nowMs) => (state === 'soft' && nowMs < ejectedUntilMs) || (state === 'probation' && out > 0),
    take(nowMs) {
      if (state === 'soft' && nowMs >= ejectedUntilMs) enter('probation')
      if (state === 'probation') out++
      return phase
    },
    success(nowMs, permit) {
      if (permit !== phase) return
      // Any real call that goes well is proof enough, also one that was sent because no better node was left.
      if (state !== 'ok') return comeBack(nowMs)
      failuresInARow = 0
      recent.add(nowMs, true)
    },
    failure(nowMs, permit) {
      if (permit !== phase) return
      if (state === 'probation') return eject(nowMs)
      if (state !== 'ok') return
      failuresInARow++
      recent.add(nowMs, false)
      if (failuresInARow >= FAILURES_IN_A_ROW || recent.isBad(nowMs)) eject(nowMs)
    },
    release(permit) {
      if (permit === phase && out > 0) out--
    },
    hardEvidence(nowMs) {
      if (state === 'hard') return
      enter('hard')
      planProbe(nowMs)
      becameHard?.()
    },
    probeDue: (nowMs) => state === 'hard' && nowMs >= probeAtMs,
    probing: planProbe,
    probed(accepted) {
      if (accepted && state === 'hard') enter('probation')
    },
    share() {
      if (rampFromMs === Number.NEGATIVE_INFINITY || state !== 'ok') return 1
      const share = (clock.now() - rampFromMs) / RAMP_MS
      if (share < 1) return Math.max(LEAST_SHARE, share)
      rampFromMs = Number.NEGATIVE_INFINITY
      return 1
    },
    warmUp(nowMs) {
      rampFromMs = nowMs
    },
  }
}

const NONE: ReadonlySet<Health> = new Set()

/**
 * Of the nodes that offer a call, those whose soft ejection holds: at most max(1, ⌊n/3⌋) at once, and none when less than
 * half would be left (hard suspects are not). While more are under suspicion, they take turns outside, so that whichever
 * recovers first is noticed within a few turns. Allocates only when there are any.
 */
export function softEjectable(healths: readonly Health[], nowMs: number): ReadonlySet<Health> {
  if (!healths.some((health) => health.ejected(nowMs))) return NONE
  const suspects = healths.filter((health) => health.ejected(nowMs))
  const hard = healths.filter((health) => health.hard(nowMs)).length
  const n = healths.length
  const most = Math.min(suspects.length, Math.max(1, Math.floor(n / 3)))
  if ((n - hard - most) * 2 < n) return NONE
  if (most === suspects.length) return new Set(suspects)
  const start = Math.floor(nowMs / TURN_MS) * most
  const inTurn = new Set<Health>()
  for (let i = 0; i < most; i++) inTurn.add(suspects[(start + i) % suspects.length] as Health)
  return inTurn
}
