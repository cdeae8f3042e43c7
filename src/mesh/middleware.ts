/** What users wrap around calls: they see the call, never its body, and may refuse it before anything is spent. */
import { CANCELLED, type Call, type Carrier, type Dispatched, type Dispatcher, type Outcome } from '../core/call.ts'
import { type Clock, MAX_TIMER_MS, type Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { OutboundObserver } from '../core/observe.ts'

/**
 * Wraps every call of a process on its way out. `next()` goes on and resolves with how the call went; throwing before
 * it refuses the call with that error; nothing that is thrown after an answer began can take it back.
 */
export type Middleware = (call: Call, next: () => Promise<Outcome>) => Promise<Outcome>

export interface MiddlewareDeps {
  readonly clock: Clock
  /** Who is told of calls that never came to `next()`; what follows it is told by who goes on. */
  observer(call: Call): OutboundObserver | undefined
}

/** A dispatcher whose calls go through `use` first, in the order given. Without any it is the one below, untouched. */
export function withMiddleware(below: Dispatcher, use: readonly Middleware[], deps: MiddlewareDeps): Dispatcher {
  if (use.length === 0) return below
  return {
    dispatch(call, carrier) {
      const run = new WrappedCall(below, call, carrier, deps)
      run.start(use)
      return run
    },
  }
}

class WrappedCall implements Dispatched {
  readonly #below: Dispatcher
  readonly #call: Call
  readonly #carrier: Carrier
  readonly #deps: MiddlewareDeps
  readonly #observer: OutboundObserver | undefined
  readonly #startedMs: number
  #under: Dispatched | undefined
  #deadline: Timer | undefined
  /** Ends what `next()` waits for, once the caller is gone. */
  #giveUp: ((outcome: Outcome) => void) | undefined
  #cancelled = false
  #settled = false

  constructor(below: Dispatcher, call: Call, carrier: Carrier, deps: MiddlewareDeps) {
    this.#below = below
    this.#call = call
    this.#carrier = carrier
    this.#deps = deps
    this.#observer = deps.observer(call)
    this.#startedMs = this.#observer === undefined ? 0 : deps.clock.now()
  }

  start(use: readonly Middleware[]): void {
    const step = (index: number): Promise<Outcome> => {
      const middleware = use[index]
      return middleware
        ? middleware(
            this.#call,
            once(() => step(index + 1)),
          )
        : this.#goOn()
    }
    // An async function, so that a middleware that throws synchronously is a rejection too.
    const run = async (): Promise<Outcome> => step(0)
    run().then(
      () => this.#returned(),
      (thrown) => this.#fail(GomsError.from(thrown)),
    )
    this.#watchDeadline()
  }

  cancel(): void {
    this.#cancelled = true
    this.#deadline?.cancel()
    this.#under?.cancel()
    if (this.#under === undefined && !this.#settled) this.#tell(CANCELLED, undefined)
    this.#settled = true
    this.#giveUp?.(CANCELLED)
  }

  get #where(): string {
    return `${this.#call.service}/${this.#call.action}`
  }

  /** Until the call itself is under way and watches its deadline: a middleware takes its time from it too. */
  #watchDeadline(): void {
    if (this.#under !== undefined || this.#settled) return
    const leftMs = this.#call.deadline.leftMs()
    if (leftMs === Number.POSITIVE_INFINITY) return
    if (leftMs > 0) {
      this.#deadline = this.#deps.clock.after(Math.min(Math.ceil(leftMs), MAX_TIMER_MS), () => this.#watchDeadline())
      return
    }
    this.#fail(new GomsError('DEADLINE_EXCEEDED', `${this.#where}: the time was over before any node was asked`))
  }

  /** The call itself, as a promise of its outcome. */
  #goOn(): Promise<Outcome> {
    if (this.#cancelled || this.#settled) return Promise.resolve(CANCELLED)
    return new Promise((resolve, reject) => {
      this.#giveUp = resolve
      this.#deadline?.cancel()
      this.#under = this.#below.dispatch(this.#call, {
        repeatable: () => this.#carrier.repeatable(),
        attempt: (attempt) =>
          this.#carrier.attempt({
            number: attempt.number,
            node: attempt.node,
            passedOver: attempt.passedOver,
            leftMs: () => attempt.leftMs(),
            progress: () => attempt.progress(),
            head: (outcome) => {
              const final = attempt.head(outcome)
              if (final) {
                this.#settled = true
                resolve(outcome)
              }
              return final
            },
            end: (ending) => attempt.end(ending),
            whole: (outcome, nowMs) => {
              const final = attempt.whole(outcome, nowMs)
              if (final) {
                this.#settled = true
                resolve(outcome)
              }
              return final
            },
          }),
        fail: reject,
      })
    })
  }

  /** After nearly every call there is nothing to say, and an error that nobody needs is not made. */
  #returned(): void {
    if (this.#settled) return
    this.#fail(new GomsError('INTERNAL', `${this.#where}: a middleware returned without calling next()`))
  }

  #fail(error: GomsError): void {
    if (this.#settled) return
    this.#settled = true
    this.#deadline?.cancel()
    if (this.#under === undefined) this.#tell(undefined, error)
    this.#carrier.fail(error)
  }

  /** It came to its end before it was sent. */
  #tell(outcome: Outcome | undefined, error: GomsError | undefined): void {
    this.#observer?.call(this.#call, 0, outcome, error, this.#startedMs, this.#deps.clock.now())
  }
}

function once(next: () => Promise<Outcome>): () => Promise<Outcome> {
  let started: Promise<Outcome> | undefined
  return () => {
    started ??= next()
    return started
  }
}
