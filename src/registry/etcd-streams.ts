/** The two streams of a session, keep-alives and watches; each is opened when it is first needed. */
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { LeaseKeepAliveResponse, WatchResponse } from './etcd-answers.ts'
import { ETCD_PATHS, LeaseRequest, toRangeEnd, WatchRequest } from './etcd-codec.ts'
import type { EtcdConnection, EtcdStream, Method } from './etcd-connection.ts'
import type { WatchEvent, WatchHandler } from './kv.ts'

const KEEP_ALIVE: Method<LeaseRequest, LeaseKeepAliveResponse> = {
  path: ETCD_PATHS.leaseKeepAlive,
  request: LeaseRequest,
  response: LeaseKeepAliveResponse,
}
const WATCH: Method<WatchRequest, WatchResponse> = {
  path: ETCD_PATHS.watch,
  request: WatchRequest,
  response: WatchResponse,
}

export interface StreamsOptions {
  readonly clock: Clock
  /** The token of now; a stream keeps the one that it was opened with. */
  readonly token: () => string | undefined
  /** An answer is overdue: the session is dead, whatever its socket says. */
  readonly overdue: (cause: GomsError) => void
}

export interface KeepAlives {
  /** Remaining TTL in seconds, 0 when the lease is gone. */
  keepAlive(lease: bigint, timeoutMs: number): Promise<number>
}

export function createKeepAlives(connection: EtcdConnection, options: StreamsOptions): KeepAlives {
  const waiting = new Map<bigint, { resolve(ttl: number): void; reject(error: GomsError): void; timer: Timer }[]>()
  let stream: EtcdStream<LeaseRequest> | undefined

  function open(): EtcdStream<LeaseRequest> {
    return connection.stream(KEEP_ALIVE, options.token(), {
      message(response) {
        const first = waiting.get(response.id)?.shift()
        if (waiting.get(response.id)?.length === 0) waiting.delete(response.id)
        first?.timer.cancel()
        first?.resolve(Number(response.ttl))
      },
      closed(cause) {
        stream = undefined
        const all = [...waiting.values()].flat()
        waiting.clear()
        for (const one of all) {
          one.timer.cancel()
          one.reject(cause)
        }
      },
    })
  }

  return {
    keepAlive(lease, timeoutMs) {
      return new Promise((resolve, reject) => {
        const timer = options.clock.after(timeoutMs, () =>
          options.overdue(
            new GomsError(
              'UNAVAILABLE',
              `etcd ${connection.endpoint}: LeaseKeepAlive: no answer within ${timeoutMs} ms`,
            ),
          ),
        )
        const queue = waiting.get(lease) ?? []
        waiting.set(lease, queue)
        queue.push({ resolve, reject, timer })
        stream ??= open()
        stream.send({ id: lease })
      })
    },
  }
}

export interface Watches {
  watch(prefix: string, fromRevision: bigint, handler: WatchHandler): { progress(): void; close(): void }
}

interface OneWatch {
  readonly handler: WatchHandler
  id: bigint | undefined
  closed: boolean
}

/** How long a watch may take to be created, and a progress request to be answered. */
const ANSWER_MS = 3000

export function createWatches(connection: EtcdConnection, options: StreamsOptions): Watches {
  /** Creations are answered in the order in which they were sent. */
  let creating: OneWatch[] = []
  const byId = new Map<bigint, OneWatch>()
  let stream: EtcdStream<WatchRequest> | undefined
  let overdue: Timer | undefined

  function expectAnswer(what: string): void {
    overdue ??= options.clock.after(ANSWER_MS, () =>
      options.overdue(
        new GomsError('UNAVAILABLE', `etcd ${connection.endpoint}: Watch: no ${what} within ${ANSWER_MS} ms`),
      ),
    )
  }

  function end(one: OneWatch, why: (handler: WatchHandler) => void): void {
    if (one.closed) return
    one.closed = true
    why(one.handler)
  }

  function take(response: WatchResponse): void {
    // Whatever arrives shows that the stream lives.
    overdue?.cancel()
    overdue = undefined
    if (response.created) {
      const one = creating.shift()
      if (creating.length > 0) expectAnswer('creation')
      if (!one) return
      if (response.canceled) cancelled(one, response)
      else if (one.closed) stream?.send({ cancel: { watchId: response.watchId } })
      else {
        one.id = response.watchId
        byId.set(response.watchId, one)
      }
      return
    }
    const revision = response.header?.revision ?? 0n
    if (response.watchId === -1n) {
      for (const one of [...byId.values()]) if (!one.closed) one.handler.events([], revision)
      return
    }
    const one = byId.get(response.watchId)
    if (!one) return
    if (response.canceled) {
      byId.delete(response.watchId)
      cancelled(one, response)
    } else if (!one.closed) one.handler.events(response.events.map(toEvent), revision)
  }

  function cancelled(one: OneWatch, response: WatchResponse): void {
    if (response.compactRevision > 0n) end(one, (handler) => handler.compacted(response.compactRevision))
    else {
      const text = response.cancelReason
      // What a fresh stream says with an old token; the connection starts anew with a fresh one.
      const code = /permission denied|auth token|user name is empty|auth store is old/i.test(text)
        ? 'UNAUTHENTICATED'
        : 'UNAVAILABLE'
      const cause = new GomsError(code, `etcd ${connection.endpoint}: Watch: ${text || 'cancelled'}`)
      end(one, (handler) => handler.closed(cause))
    }
  }

  function open(): EtcdStream<WatchRequest> {
    return connection.stream(WATCH, options.token(), {
      message: take,
      closed(cause) {
        stream = undefined
        overdue?.cancel()
        overdue = undefined
        const all = [...creating, ...byId.values()]
        creating = []
        byId.clear()
        for (const one of all) end(one, (handler) => handler.closed(cause))
      },
    })
  }

  return {
    watch(prefix, startRevision, handler) {
      const one: OneWatch = { handler, id: undefined, closed: false }
      creating.push(one)
      stream ??= open()
      stream.send({ create: { key: prefix, rangeEnd: toRangeEnd(prefix), startRevision } })
      expectAnswer('creation')
      return {
        progress() {
          if (one.closed || !stream) return
          stream.send({ progress: {} })
          expectAnswer('progress')
        },
        close() {
          if (one.closed) return
          one.closed = true
          if (one.id === undefined) return
          byId.delete(one.id)
          stream?.send({ cancel: { watchId: one.id } })
        },
      }
    },
  }
}

function toEvent(event: WatchResponse['events'][number]): WatchEvent {
  const kv = event.kv ?? {}
  return {
    type: event.type === 1 ? 'delete' : 'put',
    kv: {
      key: kv.key ?? '',
      value: kv.value ?? '',
      createRevision: kv.createRevision ?? 0n,
      modRevision: kv.modRevision ?? 0n,
      version: kv.version ?? 0n,
      lease: kv.lease ?? 0n,
    },
  }
}
