/** A span: one step of a call that was recorded, as exporters take it. */
import type { TraceContext } from './context.ts'

export type SpanKind = 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER'

export interface Span {
  /** Its own ids, and those of what it is part of. */
  readonly trace: TraceContext
  /** `user/login`, `user.exists`, `POST /login`. */
  readonly name: string
  readonly kind: SpanKind
  /** Service that recorded it, and the node: `<rpc address>_<http address>`. */
  readonly service: string
  readonly node: string
  /** Service on the other side, and its address where it is known. */
  readonly remote: { readonly service: string; readonly host?: string; readonly port?: number } | undefined
  /** Of the wall clock, fractions are microseconds. */
  readonly startedMs: number
  readonly durationMs: number
  readonly tags: Readonly<Record<string, string>>
  /** What happened meanwhile, at which time. */
  readonly annotations?: readonly { readonly atMs: number; readonly text: string }[] | undefined
  /** Code of what it failed with, and the message. */
  readonly error?: { readonly code: string; readonly message: string } | undefined
}

/** Takes spans that have ended. Never throws, never waits: what it cannot take is dropped and counted. */
export interface SpanSink {
  take(span: Span): void
}
