/** RabbitMQ restarted in the middle of everything, and events that no handler survives. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRabbitBroker } from '../../src/components/rabbitmq-broker.ts'
import { openRabbitConnection } from '../../src/components/rabbitmq-connection.ts'
import { systemClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import type { DeadLetter } from '../../src/events/broker.ts'
import { type Cluster, createCluster, type Member } from '../support/cluster.ts'
import { emit, idsOf, lost, notesOf, tell, until } from '../support/events.ts'
import { freePort } from '../support/processes.ts'
import { RABBITMQ_START_MS, type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'

const SINKS = ['sink1', 'sink2']
const MESSAGES = 1000

let rabbit: RabbitMq
let cluster: Cluster
let source: Member
let sinks: Member[]

beforeEach(async () => {
  rabbit = await startRabbitMq()
  const backend = { args: ['--registry', 'embedded', '--embedded-port', String(await freePort(4))] }
  cluster = createCluster({ backend, config: `amqpAddr: ${rabbit.url}` })
  source = await cluster.node('source1', { fixture: 'events-source.mjs' })
  sinks = await Promise.all(SINKS.map(sink))
}, RABBITMQ_START_MS + 60_000)
afterEach(async () => {
  await cluster?.close()
  await rabbit?.close()
}, 60_000)

function sink(name: string): Promise<Member> {
  return cluster.node(name, {
    fixture: 'events-sink.mjs',
    env: { GOMS_TEST_CONCURRENCY: String(MESSAGES / SINKS.length) },
  })
}

async function deadLetters(): Promise<readonly DeadLetter[]> {
  const deps = { clock: systemClock, log: silentLog }
  const connection = await openRabbitConnection(rabbit.url, deps)
  const broker = createRabbitBroker({ connection, project: 'goms', ...deps })
  try {
    return await broker.deadLetters('sink', 100)
  } finally {
    await broker.close()
  }
}

test.each([
  { how: 'killed', signal: 'SIGKILL' },
  { how: 'ended in order', signal: 'SIGTERM' },
] as const)(
  `RabbitMQ $how and started again with ${MESSAGES} unacknowledged and ${MESSAGES} being published: every confirmed one is handled`,
  async ({ signal }) => {
    await tell(sinks, '/hold')
    const held = await emit(source, { ids: idsOf('held', MESSAGES) })
    expect(held.confirmed).toHaveLength(MESSAGES)
    await until(() => notesOf(cluster, SINKS).length === MESSAGES, 20_000)

    const publishing = emit(source, { ids: idsOf('new', MESSAGES), everyMs: 3 })
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await rabbit.stop(signal)
    await tell(sinks, '/go')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await rabbit.start()
    const backAtMs = Date.now()
    const published = await publishing

    const confirmed = [...held.confirmed, ...published.confirmed]
    const beganAfter = (): number[] =>
      notesOf(cluster, SINKS).flatMap(({ what, atMs }) => (what === 'begin' && atMs > backAtMs ? [atMs] : []))
    await until(() => beganAfter().length > 0, 30_000)
    await until(() => lost(notesOf(cluster, SINKS), confirmed).length === 0, 30_000).catch(() => {})
    const notes = notesOf(cluster, SINKS)
    const twice =
      notes.filter(({ what }) => what === 'end').length -
      new Set(notes.filter(({ what }) => what === 'end').map(({ id }) => id)).size
    console.log(
      `confirmed ${confirmed.length}, reported as not ${published.failed.length}, lost ${lost(notes, confirmed).length}, ` +
        `handled again ${twice}, consumers back after ${Math.min(...beganAfter()) - backAtMs} ms`,
    )
    expect(published.confirmed.length + published.failed.length).toBe(MESSAGES)
    expect(lost(notes, confirmed)).toEqual([])
    expect(Math.min(...beganAfter()) - backAtMs).toBeLessThanOrEqual(10_000)
    for (const member of [source, ...sinks]) expect(member.process.text()).not.toMatch(/unhandled|Unhandled/)
  },
)

test('an event whose handler always fails is delivered 5 times, then dead; the others flow', async () => {
  await emit(source, { ids: ['poison'], payload: { does: 'fail' } })
  const { confirmed } = await emit(source, { ids: idsOf('good', MESSAGES) })
  const tookMs = await until(() => lost(notesOf(cluster, SINKS), confirmed).length === 0, 20_000)
  await until(async () => (await deadLetters()).length === 1, 20_000)
  const deliveries = notesOf(cluster, SINKS).filter(({ id }) => id === 'poison')
  console.log(`${MESSAGES} others after ${tookMs.toFixed(0)} ms; deliveries of the poison: ${deliveries.length}`)
  expect(deliveries).toHaveLength(5)
  expect(await deadLetters()).toMatchObject([{ id: 'poison', deliveries: 5, reason: 'Error: poison' }])
})

test('an event whose handler ends its process is begun at most 5 times, then dead; the others flow', async () => {
  let ended = 0
  let closing = false
  /** As a supervisor does; the event may come before the process is ready. */
  const keepUp = async (member: Member): Promise<void> => {
    for (let one: Member | undefined = member; !closing; ) {
      await one?.process.exited
      if (closing) return
      ended++
      one = await sink(member.name).catch(() => undefined)
    }
  }
  for (const member of sinks) void keepUp(member)
  await emit(source, { ids: ['deadly'], payload: { does: 'die' } })
  const { confirmed } = await emit(source, { ids: idsOf('good', MESSAGES), everyMs: 2 })
  const tookMs = await until(() => lost(notesOf(cluster, SINKS), confirmed).length === 0, 30_000)
  await until(async () => (await deadLetters()).length === 1, 60_000)
  closing = true
  const begun = notesOf(cluster, SINKS).filter(({ id }) => id === 'deadly')
  console.log(
    `${MESSAGES} others after ${tookMs.toFixed(0)} ms more; processes that ended: ${ended}, begun: ${begun.length}`,
  )
  expect(begun.length).toBeLessThanOrEqual(5)
  expect((await deadLetters()).map(({ id }) => id)).toEqual(['deadly'])
  expect(lost(notesOf(cluster, SINKS), confirmed)).toEqual([])
})
