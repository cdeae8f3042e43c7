/**
 * The port of components: what a service needs beside other services (a database, a cache, a broker), with a life of its own.
 * It is started before the service takes calls, and closed after the last one is answered.
 */
import type { Clock } from './clock.ts'
import { GomsError } from './errors.ts'
import type { Logger } from './log.ts'
import { integerOption, wrongOption } from './option-check.ts'
import type { Settings } from './options.ts'

/** What a component is given when it starts. */
export interface ComponentContext {
  readonly settings: Settings
  /** Lines that begin with the component's name. */
  readonly log: Logger
  readonly clock: Clock
}

/** What users write; `Value` is what handlers find in their context. */
export interface ComponentOptions<Value> {
  /** In log lines, health and errors: letters, digits, `-` and `.`, at most 64. */
  readonly name: string
  /**
   * Opens it: called once a process, however many services use it; components start one after the other, in the order of
   * `uses`. What it resolves with is the component's value. A start that throws ends the process.
   */
  start(context: ComponentContext): Value | Promise<Value>
  /**
   * Why it cannot be used now, in a few words; undefined: it can. Shown on the admin listener; asked often, so it must answer
   * at once. The node stays ready without it: all nodes would leave with the one database.
   * @default it always can
   */
  ready?(value: Value): string | undefined
  /** Closes it, after the services that use it; components end in the reverse order of their start. Cut after 5 s. */
  close?(value: Value): void | Promise<void>
  /** How long its start may take, 1 to 600000. @default 30000 */
  readonly startTimeoutMs?: number
}

/** What `component()` returns: to stand in `uses`. Importing it opens nothing. */
export interface Component<Value = unknown> {
  readonly kind: 'component'
  readonly name: string
  /**
   * For code that has no context, such as web applications: what `start` resolved with.
   * @throws GomsError FAILED_PRECONDITION before it has started, and after it was closed
   */
  readonly value: Value
  start(context: ComponentContext): Value | Promise<Value>
  ready(value: Value): string | undefined
  close(value: Value): void | Promise<void>
  readonly startTimeoutMs: number
}

const START_TIMEOUT_MS = 30_000
const MAX_START_MS = 600_000
const NAME = /^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/

/** Those that are up, and what they are. */
const values = new WeakMap<Component, { readonly value: unknown }>()

/**
 * Defines a component. What it opens it opens in `start`.
 * @throws GomsError GOMS_OPTION_INVALID
 */
export function component<Value>(options: ComponentOptions<Value>): Component<Value> {
  const { name, start, ready, close, startTimeoutMs = START_TIMEOUT_MS } = options
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw wrongOption('component', 'name', 'letters, digits, `-` and `.`, at most 64', name)
  }
  for (const [key, given] of Object.entries({ start, ready, close })) {
    if (typeof given === 'function' || (given === undefined && key !== 'start')) continue
    throw wrongOption('component', key, 'a function', given)
  }
  const made: Component<Value> = {
    kind: 'component',
    name,
    startTimeoutMs: integerOption('component', 'startTimeoutMs', startTimeoutMs, [1, MAX_START_MS]),
    // Called on the options: they may be an instance of a class.
    start: (context) => options.start(context),
    ready: (value) => options.ready?.(value),
    close: (value) => options.close?.(value),
    get value() {
      const held = values.get(made)
      if (held !== undefined) return held.value as Value
      throw new GomsError('FAILED_PRECONDITION', `component "${name}": it is not up`, {
        detail: { fix: `add it to \`uses\` of a service, and read it once that is served` },
      })
    },
  }
  return made
}

export function isComponent(value: unknown): value is Component {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'component'
}

/** For those who start and close components: tells what `value` is from now on; undefined: it is closed. */
export function setComponentValue(of: Component, held: { readonly value: unknown } | undefined): void {
  if (held === undefined) values.delete(of)
  else values.set(of, held)
}
