/** The port of the engines that carry HTTP requests to nodes: what is sent, what comes back, and how far it got. */
import type { Duplex, Readable } from 'node:stream'
import type { Address } from '../core/node.ts'
import type { Fields } from '../http/fields.ts'

export interface UpstreamRequest {
  readonly method: string
  /** Origin-form, `/path?query`. */
  readonly path: string
  /**
   * Lines of fields as of `Fields.text`, checked: `Host` among them, without framing and without fields of one hop; for
   * `tunnel` with `Connection: Upgrade` and `Upgrade`.
   */
  readonly fields: string
  /**
   * A whole body is framed by its length; a stream by `contentLength`, or in chunks without one. A stream that ends short of
   * its length, goes beyond it or breaks off breaks the request. It is destroyed where the request is over before it is.
   */
  readonly body: Buffer | Readable | null
  readonly contentLength?: number | undefined
}

/**
 * How far a request got before its error:
 * - `unsent`: not one byte left this process (refused, connect time-out, no free connection)
 * - `unanswered`: some of it was sent, and no head came back
 * - `broken`: the answer was cut short after its head
 */
export type UpstreamStage = 'unsent' | 'unanswered' | 'broken'

/** The head of an answer as the node sent it, read strictly. */
export interface AnswerHead {
  readonly status: number
  readonly reason: string
  readonly fields: Fields
  /** The length that is given for the body; undefined: in chunks, or until the connection ends. */
  readonly contentLength: number | undefined
  /** No body follows whatever the fields say: an answer to HEAD, 204, 304. */
  readonly bodiless: boolean
}

/** What comes back. Exactly one of `end` and `error` is the last, unless the request is aborted: then nothing follows. */
export interface UpstreamEvents {
  /** The first byte went to the connection: from here on the node may run it. */
  sent(): void
  /** An informational answer other than 100 and 101. */
  info(head: AnswerHead): void
  /** What was read together with the head follows within the same read: data, and the end where it is there already. */
  head(head: AnswerHead): void
  /**
   * False holds the answer until `resume`; an answer whose last byte this was may `end` before. Never empty. The chunk is
   * valid during the call only: keep a copy.
   */
  data(chunk: Buffer): boolean
  end(trailers: Fields): void
  error(error: Error, stage: UpstreamStage): void
}

export interface UpstreamHandle {
  /** Ends it at once, its connection included where it is in use. Nothing is reported any more. Idempotent. */
  abort(): void
  /** Goes on after `data` returned false. */
  resume(): void
}

export interface TunnelEvents {
  sent(): void
  /** The node switched protocols: from here on both sides are bytes. `early` are the first of the node's. */
  switched(head: AnswerHead, socket: Duplex, early: Buffer): void
  /** The node answered otherwise; its body follows. */
  answered(head: AnswerHead, body: Readable): void
  error(error: Error, stage: UpstreamStage): void
}

export interface UpstreamStats {
  /** Connections that are open or being opened. */
  readonly connections: number
  /** Those that carry nothing now. */
  readonly idle: number
  /** Requests that wait for a connection. */
  readonly waiting: number
}

export interface Upstream {
  send(address: Address, request: UpstreamRequest, events: UpstreamEvents): UpstreamHandle
  /** A request that may switch protocols (`Upgrade`), on a connection of its own. */
  tunnel(address: Address, request: UpstreamRequest, events: TunnelEvents): { abort(): void }
  /** The node has left: idle connections are closed now, the others once their traffic has ended. */
  forget(address: Address): void
  stats(): UpstreamStats
  /** The same for each node that there are connections to. */
  pools(): readonly (UpstreamStats & { readonly address: Address })[]
  /** Closes all connections, those in use as well. */
  close(): Promise<void>
}
