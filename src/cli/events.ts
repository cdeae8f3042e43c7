/** `goms events dead [service]` and `goms events replay <service> …`: events that could not be handled. */
import { createEvents } from '../app/events.ts'
import type { Onlooker } from '../app/onlooker.ts'
import { systemClock } from '../core/clock.ts'
import { EXIT, GomsError } from '../core/errors.ts'
import type { Broker, DeadLetter } from '../events/broker.ts'
import { parseArguments } from './args.ts'
import { ageOf } from './nodes.ts'
import { notThere, quietLog, toTable, withCluster } from './onlooker.ts'
import { FLAGS_OF } from './tool-flags.ts'
import { usageMistake } from './usage.ts'

/** Of each service; `-limit` says otherwise. */
const MOST = 100

export async function run(args: readonly string[]): Promise<number> {
  const { flags, positionals } = parseArguments(args, FLAGS_OF.events)
  const [what, service, ...ids] = positionals
  const json = flags.json === true
  const most = typeof flags.limit === 'number' ? flags.limit : MOST
  const isDead = what === 'dead' && ids.length === 0
  const isReplay = what === 'replay' && service !== undefined && ids.length > 0 !== (flags.all === true)
  if (!isDead && !isReplay)
    throw usageMistake('events', 'dead [service], or replay <service> <id …> or -all', positionals)
  return withCluster(
    flags,
    async (onlooker) => {
      checkKept(onlooker)
      if (service !== undefined) checkKnown(onlooker, service)
      const events = createEvents({
        settings: onlooker.settings,
        clock: systemClock,
        log: quietLog(flags.debug === true),
        store: onlooker.cluster.registry.store(),
      })
      try {
        const broker = await events.broker()
        if (isDead) return await showDead(broker, onlooker, service, most, json)
        return await replay(broker, service ?? '', flags.all === true ? undefined : new Set(ids), json)
      } finally {
        await events.close()
      }
    },
    ['amqp-addr'],
  )
}

function checkKept({ settings, cluster }: Onlooker): void {
  if (settings.amqpAddr !== undefined || cluster.registry.store() !== undefined) return
  throw new GomsError('FAILED_PRECONDITION', 'events: without `amqpAddr` they stay in the process that emits them', {
    detail: {
      found: 'etcd, and no amqpAddr',
      fix: 'goms events … -amqp_addr amqp://host:5672, as the services have it',
    },
  })
}

function checkKnown({ cluster }: Onlooker, service: string): void {
  const known = cluster.registry.view.services()
  // Events wait for services of which no node is up, but not for names that nobody has ever had.
  if (known.length > 0 && !known.includes(service)) throw notThere('service', service, known, 'services')
}

async function showDead(
  broker: Broker,
  { cluster }: Onlooker,
  wanted: string | undefined,
  most: number,
  json: boolean,
): Promise<number> {
  const services = wanted === undefined ? cluster.registry.view.services() : [wanted]
  const found: (DeadLetter & { readonly service: string })[] = []
  for (const service of services) {
    for (const letter of await broker.deadLetters(service, most)) found.push({ service, ...letter })
  }
  if (json) process.stdout.write(`${JSON.stringify(found.map(toRecord), null, 2)}\n`)
  else if (found.length > 0) process.stdout.write(tableOf(found))
  else process.stderr.write(`no dead letters${wanted === undefined ? '' : ` of "${wanted}"`}\n`)
  return EXIT.OK
}

async function replay(
  broker: Broker,
  service: string,
  ids: ReadonlySet<string> | undefined,
  json: boolean,
): Promise<number> {
  const replayed = await broker.replay(service, ids)
  if (json) process.stdout.write(`${JSON.stringify({ service, replayed })}\n`)
  else process.stdout.write(`${replayed} replayed\n`)
  if (ids === undefined || replayed >= ids.size) return EXIT.OK
  process.stderr.write(`${ids.size - replayed} of ${ids.size} ids are no dead letters of "${service}"\n`)
  return replayed === 0 ? EXIT.NOT_FOUND : EXIT.PARTLY_DONE
}

const HEAD = ['SERVICE', 'ID', 'EVENT', 'FROM', 'DELIVERIES', 'DEAD FOR', 'REASON'] as const

function tableOf(found: readonly (DeadLetter & { readonly service: string })[]): string {
  const nowMs = Date.now()
  const rows = found.map(({ service, id, name, from, deliveries, diedAtMs, reason }) => [
    ...[service, id, name, from || '-', String(deliveries), ageOf(nowMs - diedAtMs)],
    // What a handler said must not draw on the terminal.
    reason.replace(/\p{C}+/gu, ' ').slice(0, 120),
  ])
  return toTable([HEAD, ...rows])
}

/** The payload as it was emitted, where it is JSON. */
function toRecord({ body, ...rest }: DeadLetter): object {
  try {
    return { ...rest, payload: JSON.parse(body) }
  } catch {
    return { ...rest, body }
  }
}
