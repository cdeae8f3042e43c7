/** The components of a process: started once, in order, before the services that use them; closed after them, in reverse. */
import { atMost, within } from '../core/bounded.ts'
import type { Clock } from '../core/clock.ts'
import { type Component, setComponentValue } from '../core/component.ts'
import { GomsError, isSetupCode } from '../core/errors.ts'
import { createLogger, type Log, prefixed } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import type { Part } from './health.ts'

export interface Components {
  /**
   * Starts those that are not up yet, one after the other.
   * @throws GomsError GOMS_COMPONENT_FAILED, GOMS_PEER_MISSING, and other mistakes of a setup as components say them
   */
  start(components: readonly Component[], log: Log): Promise<void>
  /** What `start` of the component resolved with. @throws GomsError FAILED_PRECONDITION while it is not up */
  valueOf(component: Component): unknown
  /** One for each component that was begun. */
  parts(): readonly Part[]
  close(): Promise<void>
}

const CLOSE_MS = 5000

interface Running {
  readonly component: Component
  readonly log: Log
  /** Undefined while it starts. */
  held: { readonly value: unknown } | undefined
}

/** @param given values that stand for components, which are not started then: what tests put in their place */
export function createComponents(
  settings: Settings,
  clock: Clock,
  given: ReadonlyMap<Component, unknown> = new Map(),
): Components {
  const running = new Map<Component, Running>()
  /** Services start side by side, components never do. */
  let turn: Promise<void> = Promise.resolve()

  async function startOne(component: Component, log: Log): Promise<void> {
    if (running.has(component)) return
    const one: Running = { component, log, held: undefined }
    running.set(component, one)
    const { name, startTimeoutMs } = component
    const value = given.has(component)
      ? given.get(component)
      : await within(clock, startTimeoutMs, begun(component, log), () => {
          throw new Error(`it did not start within ${startTimeoutMs} ms`)
        }).catch((thrown: unknown) => {
          running.delete(component)
          throw failed(name, thrown)
        })
    one.held = { value }
    setComponentValue(component, one.held)
  }

  async function begun(component: Component, log: Log): Promise<unknown> {
    return component.start({ settings, clock, log: createLogger(prefixed(log, component.name)) })
  }

  return {
    start(wanted, log) {
      const mine = turn.then(async () => {
        for (const component of wanted) await startOne(component, log)
      })
      // One that failed ends its own service's start, not that of the next.
      turn = mine.catch(() => {})
      return mine
    },
    valueOf(component) {
      const held = running.get(component)?.held
      return held === undefined ? component.value : held.value
    },
    parts: () => [...running.values()].map(partOf),
    async close() {
      await turn
      for (const { component, held, log } of [...running.values()].reverse()) {
        if (held === undefined) continue
        setComponentValue(component, undefined)
        if (given.has(component)) continue
        const closing = Promise.resolve().then(() => component.close(held.value))
        await atMost(clock, CLOSE_MS, closing).catch((error) =>
          log.warn(`component ${component.name}: could not be closed: ${messageOf(error)}`),
        )
      }
      running.clear()
    },
  }
}

function partOf({ component, held }: Running): Part {
  const name = `component ${component.name}` as const
  if (held === undefined) return { name, ready: false, why: 'it is starting' }
  let why: string | undefined
  try {
    why = component.ready(held.value)
  } catch (error) {
    why = `it cannot tell: ${messageOf(error)}`
  }
  return why === undefined ? { name, ready: true } : { name, ready: false, why }
}

/** What a person can mend is said as it is; anything else is told with the component's name. */
function failed(name: string, thrown: unknown): GomsError {
  if (thrown instanceof GomsError && isSetupCode(thrown.code)) return thrown
  const message = messageOf(thrown)
  return new GomsError('GOMS_COMPONENT_FAILED', `component "${name}" did not start: ${message}`, {
    cause: thrown,
    detail: { found: message, expected: 'a component that starts', fix: 'see whether what it connects to is up' },
  })
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
