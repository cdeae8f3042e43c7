/** How an event looks as a message of RabbitMQ: written, moved from queue to queue, and read. docs/protocol.md has its properties. */
import { randomUUID } from 'node:crypto'
import type { AsyncMessage, Envelope, SyncMessage } from 'rabbitmq-client'
import type { DeadLetter, Delivery, EventMessage } from '../events/broker.ts'

/** Of messages; all else in the headers is passed on. */
export const HEADER = {
  /** Number of the delivery, where it is not the first; what a quorum queue counted itself comes on top. */
  delivery: 'goms-delivery',
  emitted: 'goms-emitted-ms',
  /** Service that emitted it, where that is not the one whose contract has it. */
  from: 'goms-from',
  expires: 'goms-expires-ms',
  /** Why it was put off or is dead, and since when. */
  reason: 'goms-reason',
  died: 'goms-died-ms',
} as const

/** Counted by quorum queues: deliveries that ended with the consumer's connection, or were given back. */
const REDELIVERED = 'x-delivery-count'

/** A message for the exchange. Little is said beside the body: what every property costs is more than it looks like. */
export function toEnvelope(
  { id, name, from, headers, emittedAtMs, expiresAtMs }: EventMessage,
  exchange: string,
): Envelope {
  const said: Record<string, string | number> = { ...headers, [HEADER.emitted]: emittedAtMs }
  if (expiresAtMs !== undefined) said[HEADER.expires] = expiresAtMs
  if (from !== emitterOf(name)) said[HEADER.from] = from
  return {
    exchange,
    routingKey: name,
    durable: true,
    messageId: id,
    contentType: 'application/json',
    headers: said,
  }
}

/** Who emits it where nothing else is said: the service whose contract has it. */
const emitterOf = (name: string): string => name.slice(0, name.indexOf('.'))

/** The same message for another queue, with what is to be known of it there. */
export function movedTo(
  message: AsyncMessage | SyncMessage,
  queue: string,
  known: Readonly<Record<string, string | number>>,
): Envelope {
  const { messageId, contentType, timestamp } = message
  return {
    exchange: '',
    routingKey: queue,
    durable: true,
    type: nameOf(message),
    ...(messageId !== undefined && { messageId }),
    ...(contentType !== undefined && { contentType }),
    ...(timestamp !== undefined && { timestamp }),
    headers: { ...own(message), ...known },
  }
}

/** Without what RabbitMQ and earlier moves wrote. */
function own({ headers }: AsyncMessage | SyncMessage): Record<string, unknown> {
  const dropped: readonly string[] = [HEADER.delivery, HEADER.reason, HEADER.died]
  const entries = Object.entries(headers ?? {})
  return Object.fromEntries(
    entries.filter(
      ([name]) => !/^x-(death|first-death|last-death|delivery-count|acquired)/.test(name) && !dropped.includes(name),
    ),
  )
}

export function bodyOf(message: AsyncMessage | SyncMessage): Buffer {
  const { body } = message
  if (Buffer.isBuffer(body)) return body
  return Buffer.from(isRead(message) ? JSON.stringify(body) : String(body))
}

/** JSON that says so has been read by the client, where it could be: then it may be a text too. */
function isRead({ body, contentType, contentEncoding }: AsyncMessage | SyncMessage): boolean {
  return contentType === 'application/json' && !contentEncoding && !Buffer.isBuffer(body)
}

/** Read as it is asked for: the client has made an object of all of it already. */
export class RabbitDelivery implements Delivery {
  readonly #message: AsyncMessage

  constructor(message: AsyncMessage) {
    this.#message = message
  }

  get id(): string {
    return idOf(this.#message)
  }

  get name(): string {
    return nameOf(this.#message)
  }

  get from(): string {
    return fromOf(this.#message)
  }

  get emittedAtMs(): number {
    return emittedAt(this.#message)
  }

  get expiresAtMs(): number | undefined {
    return numberIn(this.#message.headers, HEADER.expires)
  }

  get delivery(): number {
    return deliveryOf(this.#message)
  }

  header(lowerCaseName: string): string | undefined {
    return textIn(this.#message.headers, lowerCaseName)
  }

  payload(): unknown {
    const { body } = this.#message
    return isRead(this.#message) ? body : JSON.parse(String(body))
  }
}

export function toDeadLetter(message: SyncMessage): DeadLetter {
  const { headers } = message
  return {
    ...toMessage(message),
    deliveries: numberIn(headers, HEADER.delivery) ?? 1,
    reason: textIn(headers, HEADER.reason) ?? '',
    diedAtMs: numberIn(headers, HEADER.died) ?? 0,
  }
}

export function redeliveriesOf({ headers }: AsyncMessage | SyncMessage): number {
  return numberIn(headers, REDELIVERED) ?? 0
}

export function deliveryOf(message: AsyncMessage | SyncMessage): number {
  return (numberIn(message.headers, HEADER.delivery) ?? 1) + redeliveriesOf(message)
}

/** Whoever else publishes may leave out what we set. */
function toMessage(message: AsyncMessage | SyncMessage): EventMessage {
  return {
    id: idOf(message),
    name: nameOf(message),
    from: fromOf(message),
    headers: textsIn(message.headers),
    body: bodyOf(message).toString(),
    emittedAtMs: emittedAt(message),
    expiresAtMs: numberIn(message.headers, HEADER.expires),
  }
}

const unnamed = new WeakMap<object, string>()

/** One without an id has none that would be the same with its next delivery. */
function idOf(message: AsyncMessage | SyncMessage): string {
  if (message.messageId !== undefined) return message.messageId
  const id = unnamed.get(message) ?? randomUUID()
  unnamed.set(message, id)
  return id
}

function fromOf(message: AsyncMessage | SyncMessage): string {
  return textIn(message.headers, HEADER.from) ?? message.appId ?? emitterOf(nameOf(message))
}

function emittedAt({ headers, timestamp }: AsyncMessage | SyncMessage): number {
  return numberIn(headers, HEADER.emitted) ?? (timestamp ?? 0) * 1000
}

function nameOf({ type, routingKey }: AsyncMessage | SyncMessage): string {
  return type ?? routingKey
}

type Headers = Readonly<Record<string, unknown>> | undefined

function numberIn(headers: Headers, name: string): number | undefined {
  const value = headers?.[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function textIn(headers: Headers, name: string): string | undefined {
  const value = headers?.[name]
  return typeof value === 'string' ? value : undefined
}

/** What may be a trace or a request id: short texts. */
function textsIn(headers: Headers): Record<string, string> {
  const texts: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (typeof value === 'string' && value.length <= 1024) texts[name.toLowerCase()] = value
  }
  return texts
}
