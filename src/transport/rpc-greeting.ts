/**
 * What is the same for all requests of a caller to a node (call key, caller, target) is said once for each connection, in a
 * greeting. Requests refer to it by its number once the node has taken it. Described in docs/protocol.md.
 */
import type { Frame } from '../rpcx/frame.ts'
import { encodeMetadata, findMetadata } from '../rpcx/metadata.ts'
import type { RpcGreeting } from './rpc.ts'
import { CONTROL_GREETING } from './rpc-control.ts'

/** Of one connection; a process is seldom more than one caller. */
const MAX_GREETINGS = 16
/** Of one greeting, its number included: what a stranger sends is kept for as long as its connection lasts. */
const MAX_GREETING_BYTES = 1024
/** What the number leaves of it. */
const MAX_PAIRS_BYTES = MAX_GREETING_BYTES - 32

interface SentGreeting {
  readonly number: number
  readonly pairs: readonly string[]
  taken: boolean
}

/** The greetings of a connection as its caller has sent them. */
export class SentGreetings {
  readonly #sent: SentGreeting[] = []
  readonly #most: number

  /** @param maxFrameBytes where frames are short, no greeting is worth its room */
  constructor(maxFrameBytes: number) {
    this.#most = maxFrameBytes < 2 * MAX_GREETING_BYTES ? 0 : MAX_GREETINGS
  }

  /** Asked for every request. A connection seldom has more than one. */
  find(pairs: readonly string[]): SentGreeting | undefined {
    const sent = this.#sent
    for (let i = 0; i < sent.length; i++) if ((sent[i] as SentGreeting).pairs === pairs) return sent[i]
    return undefined
  }

  /** A greeting that is to be sent now; undefined where the node would not take one more, or one of that length. */
  add(pairs: readonly string[]): SentGreeting | undefined {
    if (this.#sent.length >= this.#most || encodeMetadata(pairs).length > MAX_PAIRS_BYTES) return undefined
    const added = { number: this.#sent.length, pairs, taken: false }
    this.#sent.push(added)
    return added
  }

  /** The node has taken the one that the frame names. */
  taken(frame: Frame): void {
    const one = this.#sent[numberIn(frame)]
    if (one !== undefined) one.taken = true
  }
}

/** A greeting as the node has it. */
export class Greeting implements RpcGreeting {
  known: unknown = undefined
  readonly #pairs: Buffer

  constructor(pairs: Buffer) {
    this.#pairs = pairs
  }

  metadata(name: string): string | undefined {
    return findMetadata(this.#pairs, 0, this.#pairs.length, name)
  }
}

/**
 * The greeting in a frame; undefined where it is not to be taken, and its caller goes on to say everything with each request.
 * @param number that the next greeting of the connection has
 */
export function readGreeting(frame: Frame, number: number): Greeting | undefined {
  const { bytes, metadataStart, metadataEnd } = frame
  if (number >= MAX_GREETINGS || metadataEnd - metadataStart > MAX_GREETING_BYTES) return undefined
  if (numberIn(frame) !== number) return undefined
  return new Greeting(Buffer.from(bytes.subarray(metadataStart, metadataEnd)))
}

function numberIn({ bytes, metadataStart, metadataEnd }: Frame): number {
  const text = findMetadata(bytes, metadataStart, metadataEnd, CONTROL_GREETING)
  return text !== undefined && /^\d{1,2}$/.test(text) ? Number(text) : -1
}
