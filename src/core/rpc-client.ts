/** Typed calls as handlers and users see them, and the port that carries them: `mesh/` fills it, `service/` hands it on. */

/** The second argument of every typed call. */
export interface CallOptions {
  /** Milliseconds for this call, waits and retries included; never more than the call in progress has left. */
  readonly timeoutMs?: number
  /** Further attempts, 0 to 10. @default the contract's, else 1 */
  readonly retries?: number
  readonly signal?: AbortSignal
  /** Only this node, by its id or its name. No other is tried. */
  readonly node?: string
}

/** A limiter written out. */
export interface LimiterOptions {
  /** 1 to 1000000. */
  readonly calls: number
  /** In any window of so many milliseconds, 1 to 86400000. */
  readonly perMs: number
  /**
   * `true`: counted in Redis (`redisAddr`), one number for all who call the method in the project, one token a call. Else per
   * calling process and node, one token an attempt. @default false
   */
  readonly shared?: boolean
  /** Where it is shared and Redis cannot be asked: the call is let through, or refused. @default 'open' */
  readonly onError?: 'open' | 'closed'
  /** Where it is shared: how long a call waits for Redis, 1 to 10000. @default 50 */
  readonly timeoutMs?: number
}

/** One RPC method as a contract describes it, with its options; what `rpc()` returns. */
export interface MethodOptions {
  /** @default 10000 */
  readonly timeoutMs?: number
  /** Running it twice is the same as once: it may be tried again after it was sent. @default false */
  readonly idempotent?: boolean
  readonly retries?: number
  /** `"5/100"`: at most 100 in any 5 s, per calling process and node; `{ calls: 100, perMs: 5000, shared: true }`: in the project. */
  readonly limiter?: string | LimiterOptions
  /** `"5/100"`: opens after 100 errors in 5 s. */
  readonly breaker?: string
  /** HTTP method under which the gateway serves it at /api/<service>/<method>; without it no outside call reaches it. */
  readonly expose?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH'
}

/** Calls a method of a service: the untyped way under every typed client. Rejects with a GomsError. */
export type RpcInvoke = (service: string, method: string, input: unknown, options?: CallOptions) => Promise<unknown>

/** A method as a typed client knows it: made once with the client, so that callers can keep by it what they resolved. */
export interface MethodRef {
  readonly service: string
  readonly method: string
  /** What the contract that the caller was compiled with says; undefined: what live contracts say. */
  readonly options: MethodOptions | undefined
  /** Kept here by the caller that was asked last: found sooner than in a map of its own. Others' is of no use. */
  plan?: { readonly owner: object } | undefined
}
