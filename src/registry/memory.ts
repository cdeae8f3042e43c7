/** The registry of one process: services, gateway and tests that run together share a store, no port is opened. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { RegistryOptions } from '../core/options.ts'
import { createMemoryKv } from './memory-kv.ts'
import type { Registry } from './registry.ts'
import { createRegistryOver } from './registry-over-kv.ts'
import { createStore, type Store } from './store.ts'

export interface MemoryDeps {
  readonly project: string
  readonly clock: Clock
  readonly log: Log
  /** From 0 (inclusive) to 1 (exclusive). @default Math.random */
  readonly random?: (() => number) | undefined
  /** Who shares a store. @default everybody in this process with the same project name */
  readonly store?: Store | undefined
}

/** Stores that are in use, by project; one that nobody uses any more is forgotten. */
const shared = new Map<string, { readonly store: Store; users: number }>()

/** All registries of a process with the same project see each other; the store ends with the last of them. */
export function createMemoryRegistry(options: RegistryOptions, deps: MemoryDeps): Registry {
  const { project, clock, log, random } = deps
  const { store, leave } = deps.store ? { store: deps.store, leave: undefined } : join(project, clock)
  const registry = createRegistryOver(createMemoryKv(store), {
    kind: 'memory',
    project,
    dialect: options.dialect,
    leaseTtlMs: options.leaseTtlMs,
    connectTimeoutMs: options.connectTimeoutMs,
    clock,
    log,
    ...(random && { random }),
  })
  return {
    ...registry,
    async close() {
      await registry.close()
      leave?.()
    },
  }
}

interface Joined {
  readonly store: Store
  leave(): void
}

function join(project: string, clock: Clock): Joined {
  const entry = shared.get(project) ?? { store: createStore({ clock }), users: 0 }
  shared.set(project, entry)
  entry.users++
  let left = false
  return {
    store: entry.store,
    leave() {
      if (left) return
      left = true
      if (--entry.users > 0) return
      entry.store.close()
      shared.delete(project)
    },
  }
}
