/** A process that looks at a cluster and calls into it, without being a node: what the command line's tools are. */
import type { Loaded } from '../config/load.ts'
import { systemClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import type { Registry } from '../registry/registry.ts'
import { type Cluster, joinCluster } from './cluster.ts'
import { createOutbound, type Outbound } from './outbound.ts'

export interface Onlooker {
  readonly cluster: Cluster
  readonly settings: Settings
  /** Calls, made under the name `goms`. */
  readonly outbound: Outbound
  close(): Promise<void>
}

/** People wait for a tool; services may start before their registry. */
const CONNECT_MS = 3000

/**
 * Joins the cluster that the settings name, and never begins one.
 * @throws GomsError GOMS_REGISTRY_UNAVAILABLE with all that was tried, GOMS_REGISTRY_AUTH
 */
export async function joinAsOnlooker(
  loaded: Loaded,
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): Promise<Onlooker> {
  const { registry } = loaded.settings
  const isDefault = loaded.where('registryTimeout') === 'default'
  const settings: Settings = {
    ...loaded.settings,
    registry: { ...registry, ...(isDefault && { connectTimeoutMs: CONNECT_MS }) },
  }
  const clock = systemClock
  const cluster = await joinCluster({
    ...{ settings, clock, log },
    ...(registry.kind !== 'etcd' && { openRegistry: () => existing(settings, loaded, env, log) }),
  })
  const outbound = createOutbound(cluster, settings, 'goms')
  return {
    cluster,
    settings,
    outbound,
    async close() {
      outbound.close()
      await cluster.close()
    },
  }
}

async function existing(
  settings: Settings,
  loaded: Loaded,
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): Promise<Registry> {
  if (settings.registry.kind === 'memory') {
    throw new GomsError('GOMS_REGISTRY_UNAVAILABLE', 'registry: `memory` is seen by its own process only', {
      detail: { found: `memory (${loaded.where('registry')})`, fix: 'use `embedded` or etcd there, and here' },
    })
  }
  const { findEmbedded } = await import('../registry/embedded-guest.ts')
  const found = await findEmbedded(settings.registry, { project: settings.project, clock: systemClock, log })
  if ('registry' in found) return found.registry
  const tried = [
    ['-registry, -etcd_addr', 'not given'],
    ['GOMS_REGISTRY, GOMS_ETCD_ADDR', env.GOMS_REGISTRY ?? 'not set'],
    ['configuration', loaded.files.length === 0 ? `no files in ${loaded.directory}` : loaded.files.join(', ')],
    ['embedded registry', found.met],
  ] as const
  const chosen = loaded.where('registry')
  const [by] = tried
  const rows = chosen === 'default' ? tried : [[by[0], `embedded, by ${chosen}`] as const, tried[3]]
  throw new GomsError('GOMS_REGISTRY_UNAVAILABLE', 'no cluster was found', {
    detail: {
      frame: rows.map(([name, what]) => `  tried ${name}: ${what}`).join('\n'),
      fix: ['start one: goms dev <service file> …', 'or say where it is: -registry etcd://host:2379'],
    },
  })
}
