/** The events of a process: which broker it has, opened when something is emitted or subscribed to, and who emits over it. */
import type { EmitOptions } from '../contract/event.ts'
import type { Contract } from '../contract/shape.ts'
import type { Clock } from '../core/clock.ts'
import type { CallContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import { type Log, prefixed } from '../core/log.ts'
import type { ObserveEvents } from '../core/observe.ts'
import type { Settings } from '../core/options.ts'
import { belowActiveSpan } from '../core/trace-bridge.ts'
import type { Broker } from '../events/broker.ts'
import { createEmitter, type EmitEvent } from '../events/emitter.ts'
import type { Kv } from '../registry/kv.ts'
import { callContext } from '../service/context.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import type { Part } from './health.ts'

export interface Events {
  broker(): Promise<Broker>
  /** Emits for the code of one service. @param within the call in progress. @default the one that the running code belongs to */
  emit(
    from: string,
    contract: Contract,
    event: string,
    payload: unknown,
    options: EmitOptions | undefined,
    within?: CallContext | undefined,
  ): Promise<void>
  /** Once it was opened. */
  parts(): readonly Part[]
  close(): Promise<void>
}

export interface EventsDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  /** Where events are kept that have no broker; undefined: in this process, for itself alone. */
  readonly store: Kv | undefined
  readonly sampler?: Sampler | undefined
  readonly observe?: ObserveEvents | undefined
}

export function createEvents(deps: EventsDeps): Events {
  const { clock } = deps
  const emitters = new Map<string, EmitEvent>()
  let opening: Promise<Broker> | undefined
  let opened: Broker | undefined
  let closed = false

  function broker(): Promise<Broker> {
    if (closed) return Promise.reject(new GomsError('UNAVAILABLE', 'events: this process is leaving'))
    opening ??= openBroker(deps).then(
      (made) => {
        opened = made
        return made
      },
      (error) => {
        // Whoever comes next tries again.
        opening = undefined
        throw error
      },
    )
    return opening
  }

  function emitterOf(from: string): EmitEvent {
    const known = emitters.get(from)
    if (known !== undefined) return known
    const { sampler, observe } = deps
    const made = createEmitter({ broker: () => opened ?? broker(), from, clock, sampler, observe })
    emitters.set(from, made)
    return made
  }

  return {
    broker,
    emit: (from, contract, event, payload, options, within = callContext()) =>
      emitterOf(from)(contract, event, payload, belowActiveSpan(within), options),
    parts() {
      if (opened === undefined) return []
      const why = opened.away()
      return [{ name: 'events', ready: why === undefined, ...(why !== undefined && { why }) }]
    },
    async close() {
      closed = true
      opened = undefined
      await opening?.then(
        (made) => made.close(),
        () => {},
      )
    },
  }
}

/** Only what is asked for is loaded. */
async function openBroker(deps: EventsDeps): Promise<Broker> {
  const { settings, clock, log, store } = deps
  const { project, amqpAddr } = settings
  if (amqpAddr !== undefined) {
    const [{ openRabbitConnection }, { createRabbitBroker }] = await Promise.all([
      import('../components/rabbitmq-connection.ts'),
      import('../components/rabbitmq-broker.ts'),
    ])
    const parts = { clock, log: prefixed(log, 'rabbitmq') }
    const connection = await openRabbitConnection(amqpAddr, parts)
    return createRabbitBroker({ connection, project, ...parts })
  }
  const { createKvBroker } = await import('../events/kv-broker.ts')
  if (store !== undefined) return createKvBroker(store, { project, clock, log })
  log.warn('events: without amqpAddr they stay in this process, and are gone with it')
  const [{ createMemoryKv }, { createStore }] = await Promise.all([
    import('../registry/memory-kv.ts'),
    import('../registry/store.ts'),
  ])
  return createKvBroker(createMemoryKv(createStore({ clock })), { project, clock, log })
}
