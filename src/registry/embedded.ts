/**
 * The registry for one machine with nothing installed: whichever process comes first hosts an etcd of ours on loopback, the
 * others are its clients, and when the host dies or stands still the next one takes its place.
 */
import { type Clock, systemClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { type Log, silentLog } from '../core/log.ts'
import type { RegistryOptions } from '../core/options.ts'
import { findAgain, findAtStart } from './embedded-find.ts'
import { type FindOptions, type FoundHost, type OwnHost, portList } from './embedded-host.ts'
import { createSwitchingKv } from './embedded-kv.ts'
import { type HostWatch, watchHost } from './embedded-probe.ts'
import { createEtcdClient } from './etcd-client.ts'
import { ownKeys } from './node-key.ts'
import type { Registry } from './registry.ts'
import { createRegistryOver } from './registry-over-kv.ts'
import { keptSharedKey } from './shared-key-file.ts'

export interface EmbeddedDeps {
  readonly project: string
  readonly clock: Clock
  readonly log: Log
  /** From 0 (inclusive) to 1 (exclusive). @default Math.random */
  readonly random?: (() => number) | undefined
}

/** A host that stands still is noticed within the sum of both. */
const ASK_EVERY_MS = 500
const SILENT_MS = 1000

/**
 * Joins the embedded registry of this machine, or hosts it: on 127.0.0.1, `embeddedPort` and, while a stopped process holds
 * that one, the three ports after it.
 * `start` throws GOMS_PORT_IN_USE where another program has the port, GOMS_PORT_DENIED, GOMS_REGISTRY_UNAVAILABLE.
 */
export function createEmbeddedRegistry(options: RegistryOptions, deps: EmbeddedDeps): Registry {
  const { project, clock, log, random = Math.random } = deps
  const kv = createSwitchingKv(clock)
  const registry = createRegistryOver(kv, {
    kind: 'embedded',
    project,
    newSharedKey: () => keptSharedKey(project),
    dialect: options.dialect,
    leaseTtlMs: options.leaseTtlMs,
    connectTimeoutMs: options.connectTimeoutMs,
    clock,
    log,
    random,
  })
  const owns = new Set<OwnHost>()
  let watch: HostWatch | undefined
  let revision = 0n
  /** The key that all share: a new host has to have it before anybody asks for it. */
  let seed: Readonly<Record<string, string>> = {}
  let closed = false

  const findOptions = (): FindOptions => ({
    ports: portList(options.embeddedPort),
    clock,
    log,
    random,
    aboveRevision: revision,
    seed,
  })

  function join(found: FoundHost): void {
    const { own, port, memberId } = found
    if (own) {
      owns.add(own)
      void own.ended.then(() => owns.delete(own))
    }
    kv.use(createEtcdClient({ endpoints: [`127.0.0.1:${port}`], clock, random }))
    for (const [key, value] of Object.entries(seed))
      void kv.txn([{ key, createRevision: 0n }], [{ put: { key, value } }]).catch(() => {})
    const current = watchHost(port, memberId, { clock, everyMs: ASK_EVERY_MS, silentMs: SILENT_MS })
    watch = current
    void current.lost.then((why) => {
      if (current.revision > revision) revision = current.revision
      if (!closed) void follow(`127.0.0.1:${port}: ${why}`)
      // Nobody to take leave of: what is under way fails at once.
      else void kv.close()
    })
  }

  async function follow(why: string): Promise<void> {
    log.debug(`embedded registry: lost its host (${why})`)
    watch = undefined
    kv.use(undefined)
    const found = await findAgain(findOptions(), () => closed)
    if (found && !closed) join(found)
    else await Promise.all([found?.own?.close(), kv.close()])
  }

  return {
    ...registry,
    async start() {
      const found = await findAtStart(findOptions())
      if (closed) {
        await found.own?.close()
        throw new GomsError('CANCELLED', 'embedded registry: closed while it started')
      }
      join(found)
      await registry.start()
    },
    async sharedKey() {
      const value = await registry.sharedKey()
      seed = { [ownKeys(project).sharedKey]: value }
      return value
    },
    async close() {
      closed = true
      // In between two hosts there is nobody to take leave of, and nothing to wait for.
      if (!watch) await kv.close()
      await registry.close()
      watch?.close()
      // Last: everybody has heard of our own leaving from it.
      await Promise.all([...owns].map((own) => own.close()))
    },
  }
}

export interface HostEmbeddedOptions {
  /** First port of the list; 0: any free one. */
  readonly port: number
  readonly clock?: Clock | undefined
  readonly log?: Log | undefined
}

export interface HostedEmbedded {
  readonly port: number
  /** False: another process hosts there already, and this one has nothing to close. */
  readonly hosted: boolean
  close(): Promise<void>
}

/**
 * Hosts the embedded registry for the processes that the caller starts, so that none of them has to.
 * @throws GomsError GOMS_PORT_IN_USE where another program has the port, GOMS_PORT_DENIED, UNAVAILABLE
 */
export async function hostEmbedded(options: HostEmbeddedOptions): Promise<HostedEmbedded> {
  const { port, own } = await findAtStart({
    ports: portList(options.port),
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLog,
    random: Math.random,
    aboveRevision: 0n,
    seed: {},
  })
  return { port, hosted: own !== undefined, close: async () => own?.close() }
}
