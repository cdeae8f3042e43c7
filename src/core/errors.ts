/** The one error class of goms, and the one table of what each code means. Decisions read `code`, never `message`. */

/** What a code means: its HTTP status, whether trying again can help at all, and a sentence for the reader. */
export interface CodeMeaning {
  readonly status: number
  /** Whether a fresh attempt could succeed. Derived anew at every hop, never believed from afar. */
  readonly retryable: boolean
  readonly meaning: string
}

/** Codes of calls: gRPC's sixteen (https://grpc.io/docs/guides/status-codes/) and three of the data plane. */
export const CALL_CODES: Readonly<Record<CallCode, CodeMeaning>> = {
  CANCELLED: { status: 499, retryable: false, meaning: 'the caller went away before the answer' },
  UNKNOWN: { status: 500, retryable: false, meaning: 'the callee failed without saying how' },
  INVALID_ARGUMENT: { status: 400, retryable: false, meaning: 'the input is wrong whatever the state' },
  DEADLINE_EXCEEDED: { status: 504, retryable: true, meaning: 'no answer within the time-out' },
  NOT_FOUND: { status: 404, retryable: false, meaning: 'the service, action or thing does not exist' },
  ALREADY_EXISTS: { status: 409, retryable: false, meaning: 'the thing exists already' },
  PERMISSION_DENIED: { status: 403, retryable: false, meaning: 'the caller is known and may not' },
  RESOURCE_EXHAUSTED: { status: 429, retryable: true, meaning: 'a limit is used up; see Retry-After' },
  FAILED_PRECONDITION: { status: 400, retryable: false, meaning: 'the state does not allow it' },
  ABORTED: { status: 409, retryable: false, meaning: 'a conflict with another call' },
  OUT_OF_RANGE: { status: 400, retryable: false, meaning: 'past the valid range' },
  UNIMPLEMENTED: { status: 501, retryable: false, meaning: 'the callee does not offer it' },
  INTERNAL: { status: 500, retryable: false, meaning: 'a bug; its id is in the log of the callee' },
  UNAVAILABLE: { status: 503, retryable: true, meaning: 'no node can take the call now' },
  DATA_LOSS: { status: 500, retryable: false, meaning: 'data is damaged' },
  UNAUTHENTICATED: { status: 401, retryable: false, meaning: 'the caller is not known' },
  BAD_GATEWAY: { status: 502, retryable: true, meaning: 'the node failed before it answered' },
  OVERLOADED: { status: 503, retryable: true, meaning: 'the node refused, provably without running the call' },
  DRAINING: { status: 503, retryable: true, meaning: 'the node is leaving and did not run the call' },
}

/** What a mistake at the start means: the exit code of the process and a sentence for the reader. */
export interface SetupMeaning {
  readonly exitCode: number
  readonly meaning: string
}

/** Exit codes of the command line. */
export const EXIT: {
  readonly OK: 0
  readonly FAILED: 1
  readonly USAGE: 2
  readonly CONFIG: 3
  readonly NOT_FOUND: 4
  readonly UNAVAILABLE: 5
  readonly DEADLINE: 6
  readonly REFUSED: 7
  readonly UNAUTHENTICATED: 8
  readonly PORT_IN_USE: 9
  readonly CHECKS_FAILED: 10
  readonly PARTLY_DONE: 11
} = {
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  CONFIG: 3,
  NOT_FOUND: 4,
  UNAVAILABLE: 5,
  DEADLINE: 6,
  REFUSED: 7,
  UNAUTHENTICATED: 8,
  PORT_IN_USE: 9,
  CHECKS_FAILED: 10,
  PARTLY_DONE: 11,
}

/** Codes of mistakes that a person makes at the start of a process. Each has an entry in docs/errors.md. */
export const SETUP_CODES: Readonly<Record<SetupCode, SetupMeaning>> = {
  GOMS_USAGE: { exitCode: EXIT.USAGE, meaning: 'unknown command, flag or argument' },
  GOMS_CONFIG_SYNTAX: { exitCode: EXIT.CONFIG, meaning: 'a configuration file is not valid YAML' },
  GOMS_CONFIG_UNKNOWN_KEY: { exitCode: EXIT.CONFIG, meaning: 'a key that the configuration does not know' },
  GOMS_CONFIG_INVALID: { exitCode: EXIT.CONFIG, meaning: 'a value of the wrong kind or out of range' },
  GOMS_CONFIG_DUPLICATE: { exitCode: EXIT.CONFIG, meaning: 'a key or route that is defined twice' },
  GOMS_CONFIG_UNREADABLE: { exitCode: EXIT.CONFIG, meaning: 'a configuration file or directory cannot be read' },
  GOMS_NAME_INVALID: { exitCode: EXIT.CONFIG, meaning: 'a project, service or action name that cannot be used' },
  GOMS_OPTION_INVALID: { exitCode: EXIT.CONFIG, meaning: 'an option given in code is wrong' },
  GOMS_CALL_KEY_WEAK: { exitCode: EXIT.CONFIG, meaning: 'callServiceKey is missing or short in production' },
  GOMS_REGISTRY_NOT_CHOSEN: { exitCode: EXIT.CONFIG, meaning: 'production without a chosen registry' },
  GOMS_REGISTRY_UNAVAILABLE: { exitCode: EXIT.UNAVAILABLE, meaning: 'no endpoint of the registry answers' },
  GOMS_REGISTRY_AUTH: { exitCode: EXIT.UNAUTHENTICATED, meaning: 'the registry refuses user, password or certificate' },
  GOMS_ADDRESS_CONFLICT: { exitCode: EXIT.UNAVAILABLE, meaning: 'another live node is registered at this address' },
  GOMS_ADDRESS_REFUSED: { exitCode: EXIT.CONFIG, meaning: 'the address to advertise cannot be reached by others' },
  GOMS_ROUTES_CONFLICT: { exitCode: EXIT.UNAVAILABLE, meaning: 'other routes were shared meanwhile' },
  GOMS_ROUTES_UNREADABLE: { exitCode: EXIT.CONFIG, meaning: 'shared routes that this version of goms cannot read' },
  GOMS_PORT_IN_USE: { exitCode: EXIT.PORT_IN_USE, meaning: 'a port is taken by another process' },
  GOMS_PORT_DENIED: { exitCode: EXIT.CONFIG, meaning: 'the system does not allow to listen there' },
  GOMS_SERVICE_FILE: { exitCode: EXIT.CONFIG, meaning: 'a service file is missing, throws or exports no service' },
  GOMS_APP_UNKNOWN: { exitCode: EXIT.CONFIG, meaning: 'a web application of a shape that goms does not know' },
  GOMS_COMPONENT_FAILED: { exitCode: EXIT.UNAVAILABLE, meaning: 'a component of a service did not start' },
  GOMS_PEER_MISSING: { exitCode: EXIT.CONFIG, meaning: 'an optional package is needed and not installed' },
}

export type CallCode =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED'
  | 'BAD_GATEWAY'
  | 'OVERLOADED'
  | 'DRAINING'
export type SetupCode =
  | 'GOMS_USAGE'
  | 'GOMS_CONFIG_SYNTAX'
  | 'GOMS_CONFIG_UNKNOWN_KEY'
  | 'GOMS_CONFIG_INVALID'
  | 'GOMS_CONFIG_DUPLICATE'
  | 'GOMS_CONFIG_UNREADABLE'
  | 'GOMS_NAME_INVALID'
  | 'GOMS_OPTION_INVALID'
  | 'GOMS_CALL_KEY_WEAK'
  | 'GOMS_REGISTRY_NOT_CHOSEN'
  | 'GOMS_REGISTRY_UNAVAILABLE'
  | 'GOMS_REGISTRY_AUTH'
  | 'GOMS_ADDRESS_CONFLICT'
  | 'GOMS_ADDRESS_REFUSED'
  | 'GOMS_ROUTES_CONFLICT'
  | 'GOMS_ROUTES_UNREADABLE'
  | 'GOMS_PORT_IN_USE'
  | 'GOMS_PORT_DENIED'
  | 'GOMS_SERVICE_FILE'
  | 'GOMS_APP_UNKNOWN'
  | 'GOMS_COMPONENT_FAILED'
  | 'GOMS_PEER_MISSING'

/** The parts of a mistake: a person reads what was found, what was expected and how to mend it. */
export interface SetupDetail {
  readonly found?: string
  readonly expected?: string
  /** What to do about it, one line each. */
  readonly fix?: string | readonly string[]
  /** A frame of the offending text, ready to print (file, line, column, caret). */
  readonly frame?: string
}

export interface GomsErrorOptions {
  /** HTTP status where it differs from the table's. */
  readonly status?: number
  /** Structured data for the caller; travels to remote callers as it is. */
  readonly data?: unknown
  readonly cause?: unknown
  readonly retryAfterMs?: number
  readonly detail?: SetupDetail
}

/**
 * Every error of goms, at start, at the gateway and at the caller of a remote method.
 * `code` is one of {@link CALL_CODES} or {@link SETUP_CODES}, or a contract's own.
 */
export class GomsError extends Error {
  override readonly name = 'GomsError'
  readonly code: string
  readonly status: number
  readonly data: unknown
  readonly retryAfterMs: number | undefined
  readonly detail: SetupDetail | undefined
  /** Trace of the call that failed, for the log; set for whoever made the call. */
  traceId?: string

  constructor(code: CallCode | SetupCode | (string & {}), message: string, options: GomsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.status = options.status ?? (isCallCode(code) ? CALL_CODES[code].status : 500)
    this.data = options.data
    this.retryAfterMs = options.retryAfterMs
    this.detail = options.detail
  }

  /** Any thrown thing as a GomsError: itself, or `INTERNAL` with the original as its cause. */
  static from(thrown: unknown): GomsError {
    if (thrown instanceof GomsError) return thrown
    return new GomsError('INTERNAL', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown })
  }
}

export function isCallCode(code: string): code is CallCode {
  return Object.hasOwn(CALL_CODES, code)
}

export function isSetupCode(code: string): code is SetupCode {
  return Object.hasOwn(SETUP_CODES, code)
}
