/** How a call ended, as a label: few values, whatever services send. */
import { isCallCode } from '../core/errors.ts'
import type { Counter } from './metric-kinds.ts'

/** Codes of contracts, as those are written. */
const OWN_CODE = /^[A-Z][A-Z0-9_]{0,63}$/
/** Codes of one route that are no codes of goms; a service may send anything. */
const MOST_OWN_CODES = 32

const HTTP_4XX = 'HTTP_4XX'
const HTTP_5XX = 'HTTP_5XX'

/** Counters of one route by code, each looked up once. */
export class CodeCounters {
  readonly #bind: (code: string) => Counter
  readonly #known = new Map<string, Counter>()
  #ok: Counter | undefined
  #own = 0

  constructor(bind: (code: string) => Counter) {
    this.#bind = bind
  }

  /** `OK`, the code that it failed with, or the class of an answer of the application that tells of a failure. */
  count(status: number, code: string | undefined): void {
    if (code === undefined && status < 400) {
      this.#ok ??= this.#bind('OK')
      this.#ok.value++
    } else this.of(code ?? (status < 500 ? HTTP_4XX : HTTP_5XX)).value++
  }

  /** Only what is an error of this side: an answer that says no is an answer. */
  countError(status: number, code: string | undefined): void {
    const label = code ?? (status >= 500 && status < 600 ? HTTP_5XX : undefined)
    if (label !== undefined) this.of(label).value++
  }

  of(code: string): Counter {
    const known = this.#known.get(code)
    if (known !== undefined) return known
    const isOwn = !isCallCode(code) && code !== HTTP_4XX && code !== HTTP_5XX
    if (isOwn && (!OWN_CODE.test(code) || this.#own >= MOST_OWN_CODES)) return this.#other()
    if (isOwn) this.#own++
    return this.#keep(code)
  }

  #other(): Counter {
    return this.#known.get('OTHER') ?? this.#keep('OTHER')
  }

  #keep(code: string): Counter {
    const made = this.#bind(code)
    this.#known.set(code, made)
    return made
  }
}
