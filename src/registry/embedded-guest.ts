/** The embedded registry for those who only look: finds the one that others host, and never hosts it. */
import type { Clock } from '../core/clock.ts'
import type { RegistryOptions } from '../core/options.ts'
import type { EmbeddedDeps } from './embedded.ts'
import { look, portList, type Sightings } from './embedded-host.ts'
import { createEtcdClient } from './etcd-client.ts'
import type { Registry } from './registry.ts'
import { createRegistryOver } from './registry-over-kv.ts'
import { keptSharedKey } from './shared-key-file.ts'

/** Others take over from a host that died within that time. */
const PATIENCE_MS = 1000
const SOON_MS = 100

/** The registry, or in words who was met instead where it should be. */
export type Guest = { readonly registry: Registry } | { readonly met: string }

/** Looks on 127.0.0.1, `embeddedPort` and the three ports after it. */
export async function findEmbedded(options: RegistryOptions, deps: EmbeddedDeps): Promise<Guest> {
  const { project, clock, log } = deps
  const ports = portList(options.embeddedPort)
  const sightings = await lookFor(ports, clock)
  const { host } = sightings
  if (host === undefined) return { met: metBy(ports, sightings) }
  // The others are where a successor may be, should this host end.
  const endpoints = [host.port, ...ports.filter((port) => port !== host.port)].map((port) => `127.0.0.1:${port}`)
  const kv = createEtcdClient({ endpoints, clock, ...(deps.random && { random: deps.random }) })
  const registry = createRegistryOver(kv, {
    kind: 'embedded',
    ...{ project, clock, log },
    dialect: options.dialect,
    leaseTtlMs: options.leaseTtlMs,
    connectTimeoutMs: options.connectTimeoutMs,
    newSharedKey: () => keptSharedKey(project),
  })
  return { registry }
}

async function lookFor(ports: readonly number[], clock: Clock): Promise<Sightings> {
  const began = clock.now()
  for (;;) {
    const sightings = await look(ports, clock)
    if (sightings.host || clock.now() - began > PATIENCE_MS) return sightings
    await new Promise((resolve) => setTimeout(resolve, SOON_MS))
  }
}

function metBy(ports: readonly number[], { byPort }: Sightings): string {
  const others = ports.flatMap((port) => {
    const sighting = byPort.get(port)
    if (sighting?.state === 'stranger') return [`${port}: ${sighting.what}`]
    return sighting?.state === 'silent' ? [`${port}: a process that does not answer`] : []
  })
  const where = `127.0.0.1:${ports[0]} to ${ports.at(-1)}`
  return others.length === 0 ? `nobody on ${where}` : `none on ${where} (${others.join(', ')})`
}
