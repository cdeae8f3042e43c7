/** The search for the embedded registry's host: patient and strict at the start of a process, restless afterwards. */
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { everyMs } from '../core/log.ts'
import { type FindOptions, type FoundHost, hostOn, look, type Sightings } from './embedded-host.ts'

/** Two looks must agree that a port is a stranger's: a host that is just being killed also hangs up. */
const STRANGER_LOOKS = 2
/** Others need less than that to take over from a host that was stopped. */
const SILENT_MS = 2500
const SOON_MS = 30
const SPREAD_MS = 150
const MAX_WAIT_MS = 500
const WARN_EVERY_MS = 10_000

/** Keeps the process alive while it starts, unlike the clock's timers. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/**
 * Finds the host or becomes it.
 * @throws GomsError GOMS_PORT_IN_USE where the first port is a stranger's, GOMS_PORT_DENIED, UNAVAILABLE
 */
export async function findAtStart(options: FindOptions): Promise<FoundHost> {
  const { ports, clock } = options
  const first = ports[0] ?? 0
  const began = clock.now()
  let strangers = 0
  for (;;) {
    const sightings = await look(ports, clock)
    if (sightings.host) return sightings.host
    const there = sightings.byPort.get(first)
    if (there?.state === 'free' || first === 0) {
      const own = await hostOn(first, options)
      if (own) return own
      // Bound by somebody who does not listen: neither to be reached nor to be had.
      if (clock.now() - began > SILENT_MS) throw inUse(first, 'another program')
    } else if (there?.state === 'stranger' && ++strangers >= STRANGER_LOOKS) throw inUse(first, there.what)
    else if (there?.state === 'silent' && clock.now() - began > SILENT_MS)
      throw inUse(first, 'a process that does not answer (stopped?)')
    await pause(SOON_MS)
  }
}

function inUse(port: number, holder: string): GomsError {
  return new GomsError('GOMS_PORT_IN_USE', `embedded registry: port ${port} is taken by ${holder}`, {
    detail: {
      found: `127.0.0.1:${port}: ${holder}`,
      expected: 'the embedded registry of another goms process, or nobody',
      fix: [
        'choose another port: GOMS_EMBEDDED_PORT=24400, the same for all processes that shall see each other',
        'or use etcd: registry: etcd://127.0.0.1:2379',
        `or end that process (lsof -i :${port})`,
      ],
    },
  })
}

/** The host was lost: finds its successor or becomes it, however long that takes. Undefined once `over` says so. */
export async function findAgain(options: FindOptions, over: () => boolean): Promise<FoundHost | undefined> {
  const warn = everyMs(options.clock, WARN_EVERY_MS)
  const began = options.clock.now()
  let alone = false
  for (let waitMs = SOON_MS; !over(); waitMs = Math.min(waitMs * 2, MAX_WAIT_MS)) {
    const sightings = await look(options.ports, options.clock)
    if (over()) return undefined
    if (sightings.host) return sightings.host
    // All that lost the host come here at once: most of them find one that was faster, and start nothing in vain.
    if (!alone) {
      alone = true
      await sleep(options.clock, options.random() * SPREAD_MS)
      continue
    }
    const own = await hostOnFirstFree(sightings, options).catch((thrown: unknown) =>
      warn(() => options.log.warn(`embedded registry: ${GomsError.from(thrown).message}`)),
    )
    if (own) return own
    if (options.clock.now() - began > SILENT_MS)
      warn(() => options.log.warn(`embedded registry: nobody answers on 127.0.0.1 (ports ${options.ports.join(', ')})`))
    await sleep(options.clock, waitMs)
  }
  return undefined
}

async function hostOnFirstFree(sightings: Sightings, options: FindOptions): Promise<FoundHost | undefined> {
  for (const port of options.ports) {
    if (sightings.byPort.get(port)?.state === 'free') return hostOn(port, options)
  }
  return undefined
}

function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve))
}
