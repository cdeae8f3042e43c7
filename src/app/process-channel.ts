/** Questions and their answers between a process and one that it started, over node's channel between the two. */
import type { Server, Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError, type SetupDetail } from '../core/errors.ts'

/** What may travel beside a message. */
export type Handle = Server | Socket

/** Names of messages with what goes along and what comes back. */
export type Protocol<P> = { readonly [K in keyof P]: (input: never) => unknown }

type Input<F extends (input: never) => unknown> = Parameters<F>[0]

export type Handlers<P extends Protocol<P>> = {
  readonly [K in keyof P]: (
    input: Input<P[K]>,
    handle: Handle | undefined,
  ) => ReturnType<P[K]> | Promise<ReturnType<P[K]>>
}

export interface Channel<Out extends Protocol<Out>> {
  /**
   * Resolves to the answer.
   * @throws GomsError what the other side threw; UNAVAILABLE when it ended; DEADLINE_EXCEEDED after `boundMs`
   */
  ask<K extends keyof Out & string>(name: K, input: Input<Out[K]>, options?: AskOptions): Promise<ReturnType<Out[K]>>
  /** Sends without wanting an answer; lost where the other side has ended. `sent` is called when it is out, or lost. */
  tell<K extends keyof Out & string>(name: K, input: Input<Out[K]>, handle?: Handle, sent?: () => void): void
  /** Takes what the other side sent; false for messages that are none of ours. */
  receive(message: unknown, handle: unknown): boolean
  /** The other side has ended: rejects what was asked, and all that will be. */
  end(how: string): void
}

export interface AskOptions {
  /** @default 30000 */
  readonly boundMs?: number
  readonly handle?: Handle | undefined
  /** The question is out, or lost: its handle may be closed here. */
  readonly sent?: (() => void) | undefined
}

/** `process`, or a child process. */
export type Send = (message: object, handle: Handle | undefined, done: (error: Error | null) => void) => void

interface Thrown {
  readonly code: string
  readonly message: string
  readonly detail: SetupDetail | undefined
}

/** Apart from what a user's code may send over the same channel. */
const MARK = 'goms-worker'

type Message =
  | { readonly type: typeof MARK; readonly name: string; readonly input: unknown; readonly id: number | undefined }
  | { readonly type: typeof MARK; readonly re: number; readonly value: unknown; readonly thrown: Thrown | undefined }

const BOUND_MS = 30_000

interface Asked {
  resolve(value: unknown): void
  reject(error: GomsError): void
  readonly timer: Timer
}

export function createChannel<In extends Protocol<In>, Out extends Protocol<Out>>(
  send: Send,
  handlers: Handlers<In>,
  clock: Clock,
): Channel<Out> {
  const asked = new Map<number, Asked>()
  let lastId = 0
  let ended: string | undefined

  function post(message: Message, handle: Handle | undefined, done: (error: Error | null) => void): void {
    if (ended !== undefined) done(new Error(ended))
    else send(message, handle, done)
  }

  async function answer(name: string, input: unknown, id: number | undefined, handle: unknown): Promise<void> {
    let value: unknown
    let thrown: Thrown | undefined
    try {
      const run = handlers[name as keyof In] as (input: unknown, handle: unknown) => unknown
      value = await run(input, handle)
    } catch (error) {
      const { code, message, detail } = GomsError.from(error)
      thrown = { code, message, detail }
    }
    if (id !== undefined) post({ type: MARK, re: id, value, thrown }, undefined, () => {})
  }

  function settle(id: number, error: GomsError | undefined, value?: unknown): void {
    const one = asked.get(id)
    if (one === undefined) return
    asked.delete(id)
    one.timer.cancel()
    if (error) one.reject(error)
    else one.resolve(value)
  }

  return {
    ask: (name, input, { boundMs = BOUND_MS, handle, sent } = {}) =>
      new Promise((resolve, reject) => {
        const id = ++lastId
        const late = new GomsError(
          'DEADLINE_EXCEEDED',
          `${name}: the other process gave no answer within ${boundMs} ms`,
        )
        const timer = clock.after(boundMs, () => settle(id, late))
        asked.set(id, { resolve: resolve as (value: unknown) => void, reject, timer })
        post({ type: MARK, name, input, id }, handle, (error) => {
          sent?.()
          if (error) settle(id, new GomsError('UNAVAILABLE', `${name}: the other process has ended`, { cause: error }))
        })
      }),
    tell(name, input, handle, sent) {
      post({ type: MARK, name, input, id: undefined }, handle, () => sent?.())
    },
    receive(received, handle) {
      if (!isMessage(received)) return false
      if ('name' in received) void answer(received.name, received.input, received.id, handle)
      else {
        const { re, value, thrown } = received
        settle(
          re,
          thrown && new GomsError(thrown.code, thrown.message, thrown.detail && { detail: thrown.detail }),
          value,
        )
      }
      return true
    },
    end(how) {
      ended = how
      for (const id of [...asked.keys()])
        settle(id, new GomsError('UNAVAILABLE', `the other process has ended: ${how}`))
    },
  }
}

function isMessage(received: unknown): received is Message {
  return typeof received === 'object' && received !== null && (received as { type?: unknown }).type === MARK
}
