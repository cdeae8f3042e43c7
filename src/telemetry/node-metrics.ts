/** Counts attempts by node, and forgets nodes some time after they left: a fleet that is replaced every day must not pile up. */
import type { Stage } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { NodeInfo } from '../core/node.ts'
import type { Counter } from './metric-kinds.ts'
import type { MetricsRegistry } from './metrics.ts'
import type { OwnMetrics } from './own-metrics.ts'

/** How long the numbers of a node that left are still shown. */
export const NODE_KEPT_MS = 300_000

interface Counted {
  readonly success: Counter
  readonly failure: Counter
}

export class NodeMetrics {
  readonly #own: OwnMetrics
  readonly #registry: MetricsRegistry
  readonly #clock: Clock
  readonly #counted = new Map<string, Counted>()
  readonly #present = new Set<string>()
  /** By name, with their ids, in the order in which they left. */
  readonly #left = new Map<string, { readonly id: string; readonly atMs: number }>()

  constructor(own: OwnMetrics, registry: MetricsRegistry, clock: Clock) {
    this.#own = own
    this.#registry = registry
    this.#clock = clock
  }

  count(node: NodeInfo, stage: Stage, status: number): void {
    // A caller that went away says nothing of the node.
    if (stage === 'cancelled') return
    const counted = this.#counted.get(node.id) ?? this.#bind(node)
    if (stage === 'answered' && status < 500) counted.success.value++
    else counted.failure.value++
  }

  joined(node: NodeInfo): void {
    this.#present.add(node.name)
    this.#left.delete(node.name)
  }

  left(node: NodeInfo): void {
    this.#present.delete(node.name)
    this.#left.delete(node.name)
    this.#left.set(node.name, { id: node.id, atMs: this.#clock.now() })
    // Ids are new at each start: one is looked up again only by a call that is still under way.
    this.#counted.delete(node.id)
    this.forget()
  }

  /** Whether its numbers are still of interest. */
  shows(name: string): boolean {
    return this.#present.has(name) || this.#left.has(name)
  }

  /** Takes away what has been kept for long enough. */
  forget(): void {
    const nowMs = this.#clock.now()
    const gone = new Set<string>()
    for (const [name, { atMs }] of this.#left) if (nowMs - atMs >= NODE_KEPT_MS) gone.add(name)
    if (gone.size === 0) return
    this.#registry.drop((label) => gone.has(label('node') ?? ''))
    for (const name of gone) {
      const left = this.#left.get(name)
      if (left !== undefined) this.#counted.delete(left.id)
      this.#left.delete(name)
    }
  }

  #bind({ id, service, name }: NodeInfo): Counted {
    const counted = {
      success: this.#own.nodeAttempts.bind(service, name, 'success'),
      failure: this.#own.nodeAttempts.bind(service, name, 'failure'),
    }
    this.#counted.set(id, counted)
    return counted
  }
}
