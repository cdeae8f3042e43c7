/** What reading a head comes to besides the head itself, and how large a head may be. */

/** More bytes are needed. */
export interface Incomplete {
  readonly state: 'incomplete'
}

/** The message is none that two parsers would read alike. Nothing behind it on its connection can be read either. */
export interface Refused {
  readonly state: 'refused'
  /** What a client is answered with. An answer of a node that is refused has 502. */
  readonly status: number
  /** What is wrong, for the answer or the log. Holds nothing of what came. */
  readonly reason: string
}

export const INCOMPLETE: Incomplete = { state: 'incomplete' }

export function refused(status: number, reason: string): Refused {
  return { state: 'refused', status, reason }
}

export interface HeadLimits {
  /** From the first byte of the start line to the last of the empty line. A head that is longer is refused (431). */
  readonly headBytes: number
  /** Fields in a head, and in the trailers of a body. More are refused (431). */
  readonly fieldCount: number
  /** Bytes of a request's target. A longer one is refused (414). */
  readonly targetBytes: number
}
