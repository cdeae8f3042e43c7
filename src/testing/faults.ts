/** Faults on order: what a test lets a method or action do instead of its work, at the nodes that serve it. */
import type { Clock } from '../core/clock.ts'
import { type CallCode, GomsError } from '../core/errors.ts'

export interface FaultOptions {
  /** Waits before anything else happens. @default 0 */
  readonly delayMs?: number
  /** Answers with this error instead of running the handler: a code, or an error with data. @default runs the handler */
  readonly error?: CallCode | GomsError
  /** How many calls it strikes. @default all until it is cleared */
  readonly times?: number
}

export interface Fault {
  /** How many calls it has struck. */
  readonly struck: number
  clear(): void
}

export interface Faults {
  add(target: string, options: FaultOptions): Fault
  /** What strikes this call; it is counted. */
  strike(service: string, action: string): Strike | undefined
}

export interface Strike {
  readonly error: GomsError | undefined
  /** Calls back when the delay is over; at once without one. Returns how to forget it. */
  wait(then: () => void): () => void
}

interface Entry extends FaultOptions {
  struck: number
}

/** @throws GomsError GOMS_OPTION_INVALID, from `add`, for a target that is no `service.method` of `known` */
export function createFaults(clock: Clock, known: (service: string, action: string) => boolean): Faults {
  const entries = new Map<string, Entry[]>()
  return {
    add(target, options) {
      const dot = target.lastIndexOf('.')
      const isKnown = dot > 0 && known(target.slice(0, dot), target.slice(dot + 1))
      if (!isKnown) {
        throw new GomsError('GOMS_OPTION_INVALID', `fault: "${target}" is no method or action of this mesh`, {
          detail: {
            found: target,
            expected: '"<service>.<method>" or "<service>.<action>"',
            fix: 'check the spelling',
          },
        })
      }
      const entry: Entry = { ...options, struck: 0 }
      const list = entries.get(target) ?? []
      list.push(entry)
      entries.set(target, list)
      return {
        get struck() {
          return entry.struck
        },
        clear() {
          const at = list.indexOf(entry)
          if (at >= 0) list.splice(at, 1)
        },
      }
    },
    strike(service, action) {
      const entry = entries
        .get(`${service}.${action}`)
        ?.find(({ times = Number.POSITIVE_INFINITY, struck }) => struck < times)
      if (entry === undefined) return undefined
      entry.struck++
      const { delayMs = 0, error } = entry
      return {
        error: typeof error === 'string' ? new GomsError(error, `${service}.${action}: a fault of the test`) : error,
        wait(then) {
          if (delayMs > 0) {
            const timer = clock.after(delayMs, then)
            return () => timer.cancel()
          }
          then()
          return () => {}
        },
      }
    },
  }
}
