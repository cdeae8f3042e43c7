/** A registry over any store of `kv.ts`: memory, embedded and etcd differ in the store, never in how nodes come and go. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { everyMs, type Log } from '../core/log.ts'
import type { Dialect } from '../core/node.ts'
import { type AddressRule, defaultAddressRule } from './address-range.ts'
import type { Kv } from './kv.ts'
import { ownKeys } from './node-key.ts'
import { createRegistration } from './registration.ts'
import type { Registered, Registry } from './registry.ts'
import { createSharedRoutes } from './shared-routes.ts'
import { createLiveView } from './view.ts'
import { createWatching } from './watching.ts'

export interface RegistryOverOptions {
  readonly kind: Registry['kind']
  readonly project: string
  /** How own keys are written; both dialects are read. */
  readonly dialect: Dialect
  readonly leaseTtlMs: number
  /** How long `start` goes on trying. */
  readonly connectTimeoutMs: number
  readonly clock: Clock
  readonly log: Log
  /** @default Math.random */
  readonly random?: () => number
  /** Which addresses of nodes are believed. @default all but link-local, multicast, unspecified and metadata ones */
  readonly allowed?: AddressRule
  /** Makes the key that all share, where there is none yet. @default 32 random bytes */
  readonly newSharedKey?: () => Promise<string>
  /** Makes the error of a start that found no registry, after `triedMs`; decides what the person reads. */
  readonly unavailable?: (cause: GomsError, triedMs: number) => GomsError
}

/** A registry over a store. `close` closes the store too. */
export function createRegistryOver(kv: Kv, options: RegistryOverOptions): Registry {
  const { clock, log } = options
  const random = options.random ?? Math.random
  const allowed = options.allowed ?? defaultAddressRule
  const rest = { project: options.project, clock, log, random, allowed }
  // Everybody registers again within 5 s; one that was about to leave has its last lease and a second.
  const view = createLiveView({ ...rest, holdMs: Math.max(options.leaseTtlMs, 5000) + 1000 })
  const watching = createWatching(kv, view, rest)
  const routes = createSharedRoutes(kv, watching, rest)
  const registered = new Set<Registered>()
  const sayDialect = everyMs(clock, Number.POSITIVE_INFINITY)
  const offDialect = view.subscribe(({ type, node }) => {
    if (type === 'join' && node.dialect !== options.dialect)
      sayDialect(() =>
        log.warn(
          `registry: ${node.key} is written in the ${node.dialect} dialect, ours is ${options.dialect}; Go nodes of one dialect cannot read the other`,
        ),
      )
  })
  let closing: Promise<void> | undefined

  /** Calls again while the store is away, until `connectTimeoutMs` is over. */
  async function insist<T>(call: () => Promise<T>): Promise<T> {
    const began = clock.now()
    // A process that waits for its registry has nothing else that keeps it alive.
    const alive = setInterval(() => {}, 60_000)
    try {
      for (;;) {
        try {
          return await call()
        } catch (thrown) {
          const error = GomsError.from(thrown)
          if (error.code === 'UNAUTHENTICATED' || error.code === 'PERMISSION_DENIED')
            throw new GomsError('GOMS_REGISTRY_AUTH', `registry: ${error.message}`, {
              cause: error,
              detail: {
                found: error.message,
                expected: `a user that may read and write \`${options.project}_\` and \`/goms/v1/${options.project}/\``,
                fix: 'check user, password and certificate of the registry',
              },
            })
          if (error.code !== 'UNAVAILABLE' && error.code !== 'DEADLINE_EXCEEDED') throw error
          const triedMs = clock.now() - began
          if (triedMs >= options.connectTimeoutMs || closing)
            throw (
              options.unavailable?.(error, triedMs) ??
              new GomsError('GOMS_REGISTRY_UNAVAILABLE', `registry: ${error.message}`, { cause: error })
            )
          await new Promise<void>((resolve) => clock.after(50 + 100 * random(), resolve))
        }
      }
    } finally {
      clearInterval(alive)
    }
  }

  return {
    kind: options.kind,
    view,
    routes,
    start: () => insist(() => watching.start()),
    async register(registration) {
      const one = await insist(() =>
        createRegistration(kv, watching, registration, {
          ...rest,
          dialect: options.dialect,
          leaseTtlMs: options.leaseTtlMs,
        }),
      )
      const kept: Registered = {
        key: one.key,
        setState: (state) => one.setState(state),
        close() {
          registered.delete(kept)
          return one.close()
        },
      }
      registered.add(kept)
      return kept
    },
    async sharedKey() {
      const key = ownKeys(options.project).sharedKey
      return insist(async () => {
        const found = await kv.range(key)
        if (found.kvs[0]) return found.kvs[0].value
        const value = (await options.newSharedKey?.()) ?? randomBytes(32).toString('base64url')
        const { succeeded, ranges } = await kv.txn(
          [{ key, createRevision: 0n }],
          [{ put: { key, value } }],
          [{ range: { key } }],
        )
        return succeeded ? value : (ranges[0]?.[0]?.value ?? value)
      })
    },
    status: () => ({
      connected: watching.connected,
      endpoint: kv.endpoint,
      revision: watching.revision,
      ageMs: clock.now() - watching.heardAtMs,
    }),
    store: () => (options.kind === 'etcd' ? undefined : kv),
    close() {
      closing ??= (async () => {
        await Promise.all([...registered].map((one) => one.close()))
        offDialect()
        routes.stop()
        watching.stop()
        view.stop()
        await kv.close()
      })()
      return closing
    },
  }
}
