/** Opens the registry that the settings choose. Each kind is loaded only when it is the one. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import type { Registry } from '../registry/registry.ts'

export async function openRegistry(settings: Settings, clock: Clock, log: Log): Promise<Registry> {
  const deps = { project: settings.project, clock, log }
  switch (settings.registry.kind) {
    case 'memory': {
      const { createMemoryRegistry } = await import('../registry/memory.ts')
      return createMemoryRegistry(settings.registry, deps)
    }
    case 'embedded': {
      const { createEmbeddedRegistry } = await import('../registry/embedded.ts')
      return createEmbeddedRegistry(settings.registry, deps)
    }
    case 'etcd': {
      const { createEtcdRegistry } = await import('../registry/etcd.ts')
      return createEtcdRegistry(settings.registry, deps)
    }
  }
}
