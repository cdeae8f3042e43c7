/** How events stand in a store of keys: who subscribed, what waits, who has it in hand, and what is dead. */
import type { DeadLetter, EventMessage } from './broker.ts'

/** An event that waits for a service, or is in hand. */
export interface Waiting {
  readonly message: EventMessage
  /** Deliveries that were begun. */
  readonly deliveries: number
  /** Nobody takes it before; since 1970. */
  readonly notBeforeMs: number
}

/** What a key is about; `seq` sorts by time. */
export type EventKey =
  | { readonly kind: 'subscription'; readonly service: string; readonly name: string }
  | { readonly kind: 'waiting' | 'claim' | 'dead'; readonly service: string; readonly seq: string }

export interface EventKeys {
  readonly prefix: string
  readonly subscriptions: string
  subscription(service: string, name: string): string
  waiting(service: string, seq: string): string
  claim(service: string, seq: string): string
  dead(service: string, seq: string): string
  /** Undefined for a stranger's. */
  parse(key: string): EventKey | undefined
}

const KINDS = { subscription: 'subscriptions', waiting: 'waiting', claim: 'claims', dead: 'dead' } as const

/** Beside the keys of nodes, whose watch has enough to do. */
export function eventKeys(project: string): EventKeys {
  const prefix = `/goms-events/v1/${project}/`
  const at = (kind: keyof typeof KINDS, service: string, last: string): string =>
    `${prefix}${KINDS[kind]}/${service}/${last}`
  return {
    prefix,
    subscriptions: `${prefix}${KINDS.subscription}/`,
    subscription: (service, name) => at('subscription', service, name),
    waiting: (service, seq) => at('waiting', service, seq),
    claim: (service, seq) => at('claim', service, seq),
    dead: (service, seq) => at('dead', service, seq),
    parse(key) {
      if (!key.startsWith(prefix)) return undefined
      const [word, service, last, ...rest] = key.slice(prefix.length).split('/')
      if (!service || !last || rest.length > 0) return undefined
      if (word === KINDS.subscription) return { kind: 'subscription', service, name: last }
      for (const kind of ['waiting', 'claim', 'dead'] as const) {
        if (word === KINDS[kind]) return { kind, service, seq: last }
      }
      return undefined
    },
  }
}

let counter = 0

/** Sorts by time, also among processes of one machine; within a process by order. */
export function newSeq(wallMs: number, unique: string): string {
  counter = (counter + 1) % 0x1000000
  return `${Math.round(wallMs).toString(36).padStart(9, '0')}-${counter.toString(36).padStart(5, '0')}-${unique}`
}

export const toText = (value: Waiting | DeadLetter): string => JSON.stringify(value)

/** Undefined for what is none of ours. */
export function fromText<T extends Waiting | DeadLetter>(text: string): T | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as T) : undefined
  } catch {
    return undefined
  }
}
