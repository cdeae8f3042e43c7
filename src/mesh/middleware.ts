/** What users wrap around calls: they see the call, never its body, and may refuse it before anything is spent. */
import type { Call, Carrier, Dispatched, Dispatcher, Outcome } from '../core/call.ts'
import { GomsError } from '../core/errors.ts'

/**
 * Wraps every call of a process on its way out. `next()` goes on and resolves with how the call went; throwing before
 * it refuses the call with that error; nothing that is thrown after an answer began can take it back.
 */
export type Middleware = (call: Call, next: () => Promise<Outcome>) => Promise<Outcome>

/** A dispatcher whose calls go through `use` first, in the order given. Without any it is the one below, untouched. */
export function withMiddleware(below: Dispatcher, use: readonly Middleware[]): Dispatcher {
  if (use.length === 0) return below
  return {
    dispatch(call, carrier) {
      const run = new WrappedCall(below, call, carrier)
      run.start(use)
      return run
    },
  }
}

class WrappedCall implements Dispatched {
  readonly #below: Dispatcher
  readonly #call: Call
  readonly #carrier: Carrier
  #under: Dispatched | undefined
  #cancelled = false
  #settled = false

  constructor(below: Dispatcher, call: Call, carrier: Carrier) {
    this.#below = below
    this.#call = call
    this.#carrier = carrier
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
    run().catch((thrown) => this.#fail(GomsError.from(thrown)))
  }

  cancel(): void {
    this.#cancelled = true
    this.#under?.cancel()
  }

  /** The call itself, as a promise of its outcome. */
  #goOn(): Promise<Outcome> {
    if (this.#cancelled) return Promise.resolve({ stage: 'cancelled', status: 0 })
    return new Promise((resolve, reject) => {
      this.#under = this.#below.dispatch(this.#call, {
        repeatable: () => this.#carrier.repeatable(),
        attempt: (attempt) =>
          this.#carrier.attempt({
            number: attempt.number,
            node: attempt.node,
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
          }),
        fail: reject,
      })
    })
  }

  #fail(error: GomsError): void {
    if (this.#settled) return
    this.#settled = true
    this.#carrier.fail(error)
  }
}

function once(next: () => Promise<Outcome>): () => Promise<Outcome> {
  let started: Promise<Outcome> | undefined
  return () => {
    started ??= next()
    return started
  }
}
