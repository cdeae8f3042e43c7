/** Keeps one node registered, for ever: lease lost, registry restarted or wiped, key deleted by hand. */
import { fullJitterMs } from '../core/backoff.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { everyMs, type Log } from '../core/log.ts'
import type { Dialect } from '../core/node.ts'
import type { AddressRule } from './address-range.ts'
import type { KeyValue, Kv, Operation } from './kv.ts'
import { ownKeys, toNodeKey } from './node-key.ts'
import { parseNodeValue, toNodeText, toStateText } from './node-value.ts'
import { checkRegistration, toConflict } from './registration-check.ts'
import type { NodeState, Registered, Registration } from './registry.ts'
import type { Watching } from './watching.ts'

export interface RegistrationOptions {
  readonly project: string
  readonly dialect: Dialect
  /** Whole seconds on the wire, rounded up. */
  readonly leaseTtlMs: number
  readonly allowed: AddressRule
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

/** Waits between tries: the first within 50 ms, so that a restarted registry has everybody back within 3 s. */
const BACKOFF = { baseMs: 50, maxMs: 1000 }
/** Two nodes that claim one address: the loser asks ever more seldom. */
const CONFLICT_BACKOFF = { baseMs: 1000, maxMs: 30_000 }
const CLOSE_MS = 1000
const STALL_MS = 400
/** Somebody else may write between our read and our write; more than this often is not a start, but a fight. */
const MAX_TAKE_OVERS = 5

/**
 * Registers a node and keeps it so. Takes over whatever stands at its address: holding the sockets proves that the
 * predecessor is gone. Later it writes only over its own id or where nothing is.
 * @throws GomsError GOMS_NAME_INVALID, GOMS_ADDRESS_REFUSED, GOMS_OPTION_INVALID, GOMS_ADDRESS_CONFLICT, UNAVAILABLE
 */
export async function createRegistration(
  kv: Kv,
  watching: Watching,
  registration: Registration,
  options: RegistrationOptions,
): Promise<Registered> {
  const { clock, log, random } = options
  const ttlSeconds = Math.max(1, Math.ceil(options.leaseTtlMs / 1000))
  const key = toNodeKey(options.dialect, options.project, registration)
  const keys = ownKeys(options.project)
  const stateKey = keys.states + key
  const { id } = registration.value
  const text = toNodeText(registration.value)
  checkRegistration(registration, text, options.allowed)
  const sayConflict = everyMs(clock, 10_000)

  let state = registration.state
  let lease = 0n
  let closed = false
  let working: Promise<void> | undefined
  let failures = 0
  let conflicts = 0
  let timer: Timer | undefined
  /** Asked for while another round was under way. */
  let askedAgain = false
  /** The watch or a listing showed that the key is not as we wrote it. */
  let keyGone = false
  /** Once the registry started over, an old lease proves nothing. */
  let distrusted = false
  let stateWritten = true
  let stateWaiters: (() => void)[] = []

  const held = () => kv.range(key).then((result) => result.kvs[0])

  async function putContract(): Promise<void> {
    const { contract, service } = registration
    if (!contract) return
    const at = `${keys.contracts}${service}/${contract.hash}`
    // Once under its hash, and without a lease: other nodes of the same version rely on it.
    await kv.txn([{ key: at, createRevision: 0n }], [{ put: { key: at, value: JSON.stringify(contract.document) } }])
  }

  /** Writes key and state under a fresh lease where the key is still as `seen`. */
  async function write(seen: KeyValue | undefined): Promise<boolean> {
    const [granted] = await Promise.all([kv.grant(ttlSeconds), putContract()])
    const puts: Operation[] = [{ put: { key, value: text, lease: granted.lease } }]
    const wrote = state
    if (hasState(state)) puts.push({ put: { key: stateKey, value: toStateText(id, state), lease: granted.lease } })
    const old = lease
    let succeeded = false
    try {
      succeeded = (await kv.txn([{ key, modRevision: seen?.modRevision ?? 0n }], puts)).succeeded
    } finally {
      // Best effort: what is not given back expires by itself.
      if (!succeeded) void kv.revoke(granted.lease).catch(() => {})
    }
    if (!succeeded) return false
    lease = granted.lease
    distrusted = false
    if (wrote === state) stateIsWritten()
    if (old !== 0n && old !== lease) void kv.revoke(old).catch(() => {})
    return true
  }

  async function takeOver(): Promise<void> {
    for (let n = 0; n < MAX_TAKE_OVERS; n++) if (await write(await held())) return
    throw toConflict(key, id, await held().catch(() => undefined))
  }

  /** A slow answer makes the watching doubtful: whoever waits like us may lose a lease and live. */
  async function keepAlive(): Promise<number> {
    let slow = clock.after(STALL_MS, function stalled() {
      watching.doubt()
      slow = clock.after(STALL_MS, stalled)
    })
    try {
      return await kv.keepAlive(lease)
    } finally {
      slow.cancel()
    }
  }

  /** One round: is the lease alive and the key ours? Else register again. */
  async function restore(): Promise<void> {
    if (lease !== 0n && !distrusted && (await keepAlive()) > 0 && !keyGone) {
      if (!stateWritten) await writeState()
      return
    }
    const seen = await held()
    if (closed) return
    const isOurs = seen !== undefined && parseNodeValue(seen.value)?.id === id
    if (seen && !isOurs) throw toConflict(key, id, seen)
    if (isOurs && seen.lease === lease && lease !== 0n && (await keepAlive()) > 0) {
      keyGone = false
      distrusted = false
      return
    }
    keyGone = false
    if (!(await write(seen))) {
      keyGone = true
      throw new GomsError('UNAVAILABLE', `registry: ${key} changed while it was written`)
    }
    log.info(`registry: registered again (${key})`)
  }
  async function writeState(): Promise<void> {
    const wrote = state
    await kv.put(stateKey, toStateText(id, wrote), { lease })
    if (wrote === state) stateIsWritten()
  }

  function stateIsWritten(): void {
    stateWritten = true
    const waiters = stateWaiters
    stateWaiters = []
    for (const resolve of waiters) resolve()
  }

  /** Single flight: whatever calls meanwhile leads to one more round, not to a second one beside. */
  function work(): void {
    if (closed) return
    if (working) {
      askedAgain = true
      return
    }
    timer?.cancel()
    askedAgain = false
    working = restore().then(
      () => {
        failures = 0
        conflicts = 0
        done(askedAgain ? 0 : (ttlSeconds * 1000 * (0.8 + 0.2 * random())) / 3)
      },
      (error: unknown) => {
        if (error instanceof GomsError && error.code === 'GOMS_ADDRESS_CONFLICT') {
          sayConflict(() => log.error(error.message, { code: error.code }))
          keyGone = true
          done(500 + fullJitterMs(conflicts++, { ...CONFLICT_BACKOFF, random }))
        } else done(10 + fullJitterMs(failures++, { ...BACKOFF, random }))
      },
    )
  }

  function done(waitMs: number): void {
    working = undefined
    if (!closed) timer = clock.after(waitMs, work)
  }

  await takeOver()
  timer = clock.after((ttlSeconds * 1000 * (0.8 + 0.2 * random())) / 3, work)
  const offKey = watching.follow(key, {
    seen(now) {
      if (now && parseNodeValue(now.value)?.id === id && now.lease === lease) return
      // Our own write may be seen before its answer: the round that is under way decides.
      if (working && now) return
      keyGone = true
      work()
    },
    startedOver() {
      distrusted = true
      work()
    },
  })
  const offReconnect = kv.onReconnect(work)

  async function leave(): Promise<void> {
    await working
    // The mark tells a leaving from a lease that ended while the registry slept; it goes with the lease.
    const mark = { key: stateKey, value: toStateText(id, { ...state, draining: true }), lease }
    await kv.txn([{ key, value: text }], [{ delete: { key } }, { put: mark }])
    if (lease !== 0n) await kv.revoke(lease)
  }

  return {
    key,
    async setState(next) {
      if (closed) return
      state = next
      stateWritten = false
      const written = new Promise<void>((resolve) => stateWaiters.push(resolve))
      work()
      await bounded(clock, written)
    },
    async close() {
      if (closed) return
      closed = true
      timer?.cancel()
      offKey()
      offReconnect()
      await bounded(clock, leave())
    },
  }
}

/** Waits for it, at most {@link CLOSE_MS}, and does not mind how it ends. */
async function bounded(clock: Clock, work: Promise<void>): Promise<void> {
  let timer: Timer | undefined
  const late = new Promise<void>((resolve) => {
    timer = clock.after(CLOSE_MS, resolve)
  })
  await Promise.race([work.catch(() => {}), late])
  timer?.cancel()
}

function hasState(state: NodeState): boolean {
  return state.draining !== undefined || state.weight !== undefined || state.admin !== undefined
}
