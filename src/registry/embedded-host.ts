/**
 * Finds the embedded registry of this machine, or becomes its host. The first port of a short list is the address; the others
 * are for the time in which a stopped process holds it. Of two hosts the later one stays, the other ends by itself.
 */
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { probe, type Sighting } from './embedded-probe.ts'
import { startThread } from './embedded-thread.ts'

/** How many ports from the first one on may be used. */
const EMBEDDED_PORTS = 4
const PROBE_MS = 300
const LOOK_EVERY_MS = 500

export interface OwnHost {
  readonly memberId: bigint
  /** Resolves when it hosts no more: closed, given way to a later host, or failed. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

export interface FoundHost {
  readonly port: number
  readonly memberId: bigint
  /** Set where this process is the host. */
  readonly own: OwnHost | undefined
}

export interface FindOptions {
  readonly ports: readonly number[]
  readonly clock: Clock
  readonly log: Log
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number
  /** The new host's revisions begin above. */
  readonly aboveRevision: bigint
  /** What a new host holds from the start, by key. */
  readonly seed: Readonly<Record<string, string>>
}

export function portList(first: number): readonly number[] {
  if (first === 0) return [0]
  return Array.from({ length: EMBEDDED_PORTS }, (_, n) => first + n).filter((port) => port <= 65_535)
}

export interface Sightings {
  /** The latest host, if there is one. */
  readonly host: FoundHost | undefined
  readonly byPort: ReadonlyMap<number, Sighting>
}

/** Looks at all ports at once. */
export async function look(ports: readonly number[], clock: Clock): Promise<Sightings> {
  const seen = await Promise.all(ports.map(async (port) => [port, await probe(port, clock, PROBE_MS)] as const))
  let host: FoundHost | undefined
  let latest = -1n
  for (const [port, sighting] of seen) {
    if (sighting.state !== 'embedded' || sighting.startRevision <= latest) continue
    latest = sighting.startRevision
    host = { port, memberId: sighting.memberId, own: undefined }
  }
  return { host, byPort: new Map(seen) }
}

/**
 * Hosts on that port.
 * @returns undefined where another one was faster
 * @throws GomsError GOMS_PORT_DENIED, or UNAVAILABLE for what else the system says
 */
export async function hostOn(port: number, options: FindOptions): Promise<FoundHost | undefined> {
  const { clock, log, ports } = options
  const started = BigInt(clock.wallMs()) * 1000n + BigInt(Math.floor(options.random() * 1000))
  const startRevision = started > options.aboveRevision ? started : options.aboveRevision + 1n
  const thread = await startThread(clock, { startRevision, seed: options.seed })
  let bound: number
  try {
    bound = await thread.listen(port)
  } catch (thrown) {
    await thread.close()
    const { code, message } = thrown as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') return undefined
    if (code === 'EACCES')
      throw new GomsError('GOMS_PORT_DENIED', `embedded registry: may not listen on 127.0.0.1:${port}`, {
        cause: thrown,
        detail: {
          found: String(port),
          expected: 'a port from 1024 to 65535',
          fix: 'set GOMS_EMBEDDED_PORT to another one',
        },
      })
    throw new GomsError('UNAVAILABLE', `embedded registry: cannot listen on 127.0.0.1:${port} (${message})`, {
      cause: thrown,
    })
  }
  log.debug(`embedded registry: hosted here on 127.0.0.1:${bound}`)
  const mine = new Set([bound])
  let timer: Timer | undefined
  let over = false

  async function close(): Promise<void> {
    if (over) return thread.ended
    over = true
    timer?.cancel()
    await thread.close()
  }

  /** Gives way to a later host; takes over the first port once it is free, so that one address holds for good. */
  async function lookAround(): Promise<void> {
    const others = ports.filter((other) => !mine.has(other))
    const { byPort } = await look(others, clock)
    if (over) return
    for (const [other, sighting] of byPort) {
      if (sighting.state !== 'embedded' || sighting.memberId === thread.memberId) continue
      const later =
        sighting.startRevision > startRevision ||
        (sighting.startRevision === startRevision && sighting.memberId > thread.memberId)
      if (!later) continue
      log.info(`embedded registry: the one on 127.0.0.1:${other} went on meanwhile, this one ends`)
      await close()
      return
    }
    const first = ports[0]
    if (first !== undefined && byPort.get(first)?.state === 'free') {
      const taken = await thread.listen(first).catch(() => undefined)
      if (taken !== undefined) mine.add(taken)
    }
    schedule()
  }

  function schedule(): void {
    if (!over) timer = clock.after(LOOK_EVERY_MS, () => void lookAround())
  }
  if (ports.length > 1) schedule()
  const ended = thread.ended.then(() => {
    over = true
    timer?.cancel()
  })
  return { port: bound, memberId: thread.memberId, own: { memberId: thread.memberId, ended, close } }
}
