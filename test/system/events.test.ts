/** Events between processes, on the embedded registry alone and over RabbitMQ: nothing confirmed is lost, whoever dies. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, createCluster, type Member } from '../support/cluster.ts'
import { emit, idsOf, lost, notesOf, tell, until } from '../support/events.ts'
import { freePort, killAll, startGoms } from '../support/processes.ts'
import { RABBITMQ_START_MS, type RabbitMq, rabbitmqMissing, startRabbitMq } from '../support/rabbitmq.ts'
import { SLACK } from '../support/timing.ts'

const WITHIN_MS = 20_000 * SLACK

describe.each([
  { where: 'on the embedded registry', withBroker: false, missing: undefined },
  { where: 'over RabbitMQ', withBroker: true, missing: rabbitmqMissing },
])('events $where', ({ withBroker, missing }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'between processes', () => {
    let rabbit: RabbitMq | undefined
    let cluster: Cluster
    let source: Member
    let args: readonly string[]

    beforeAll(async () => {
      rabbit = withBroker ? await startRabbitMq() : undefined
    }, RABBITMQ_START_MS)
    afterAll(async () => {
      await rabbit?.close()
      await killAll()
    })

    async function start(): Promise<void> {
      args = ['--registry', 'embedded', '--embedded-port', String(await freePort(4))]
      if (rabbit !== undefined) args = [...args, '--amqp-addr', rabbit.url]
      cluster = createCluster({ backend: { args } })
      // Hosts the registry: sinks may die.
      source = await cluster.node('source1', { fixture: 'events-source.mjs' })
    }
    afterEach(() => cluster?.close())

    const sink = (name: string): Promise<Member> => cluster.node(name, { fixture: 'events-sink.mjs' })

    /** A tool, beside the cluster. */
    async function goms(...line: string[]): Promise<{ code: number | null; out: string; text: string }> {
      const run = startGoms([...line, '-configs', `${cluster.dir}/configs`, ...args])
      const { code } = await run.exited
      return { code, out: run.text('stdout'), text: run.text() }
    }

    test('a sink that is killed loses nothing, and one that leaves hands over', async () => {
      await start()
      const [one, two] = await Promise.all([sink('sink1'), sink('sink2')])
      const emitting = emit(source, { ids: idsOf('a', 300), everyMs: 3 })
      await until(() => notesOf(cluster, ['sink1']).length > 20, WITHIN_MS)
      one.process.signal('SIGKILL')
      await until(() => notesOf(cluster, ['sink2']).length > 100, WITHIN_MS)
      const three = await sink('sink3')
      expect(await two.process.stop()).toEqual({ code: 0, signal: null })
      const { confirmed } = await emitting
      expect(confirmed).toHaveLength(300)
      const sinks = ['sink1', 'sink2', 'sink3']
      await until(() => lost(notesOf(cluster, sinks), confirmed).length === 0, WITHIN_MS)
      // Only what the killed one had in hand came again.
      const again = notesOf(cluster, sinks).filter(({ what, delivery }) => what === 'begin' && delivery > 1)
      expect(again.length).toBeLessThanOrEqual(64)
      expect(three.process.text()).not.toMatch(/unhandled/i)
    })

    test('what no handler takes is shown by `goms events dead`, and delivered again by `goms events replay`', async () => {
      await start()
      const one = await sink('sink1')
      await emit(source, { ids: ['p1', 'p2'], payload: { does: 'fail' } })
      const shown = async (): Promise<string> => (await goms('events', 'dead', 'sink')).out
      await until(async () => /p1[\s\S]*p2|p2[\s\S]*p1/.test(await shown()), WITHIN_MS)
      expect(await shown()).toMatch(/sink +p1 +source\.happened +source +5 +\d+s +Error: poison/)
      const json = JSON.parse((await goms('events', 'dead', '-json')).out)
      expect(json.map(({ id }: { id: string }) => id).sort()).toEqual(['p1', 'p2'])
      expect(json[0]).toMatchObject({ service: 'sink', deliveries: 5, payload: { does: 'fail' } })
      const begun = notesOf(cluster, ['sink1']).length
      expect(begun).toBe(10)
      expect(await goms('events', 'replay', 'sink', 'p1', 'unknown')).toMatchObject({ code: 11, out: '1 replayed' })
      await until(() => notesOf(cluster, ['sink1']).length > begun, WITHIN_MS)
      expect(await goms('events', 'replay', 'sink', '-all')).toMatchObject({ code: 0 })
      expect(await goms('events', 'dead', 'snik')).toMatchObject({
        code: 4,
        text: expect.stringMatching(/did you mean "sink"/),
      })
      expect(await goms('events', 'dead', 'a', 'b')).toMatchObject({ code: 2 })
      expect(one.process.text()).toMatch(/it is among the dead letters: Error: poison/)
    })

    test.runIf(withBroker)(
      'RabbitMQ started anew with events in hand and events being published loses none',
      async () => {
        await start()
        const sinks = await Promise.all([sink('sink1'), sink('sink2')])
        await tell(sinks, '/hold')
        const held = await emit(source, { ids: idsOf('held', 100) })
        const begun = (): number =>
          notesOf(cluster, ['sink1', 'sink2']).filter(({ id }) => id.startsWith('held')).length
        await until(() => begun() === 100, WITHIN_MS)
        const publishing = emit(source, { ids: idsOf('new', 100), everyMs: 20 })
        await new Promise((resolve) => setTimeout(resolve, 300))
        await rabbit?.stop()
        await tell(sinks, '/go')
        await rabbit?.start()
        const published = await publishing
        const confirmed = [...held.confirmed, ...published.confirmed]
        expect(published.confirmed.length + published.failed.length).toBe(100)
        await until(() => lost(notesOf(cluster, ['sink1', 'sink2']), confirmed).length === 0, WITHIN_MS)
        expect(source.process.text()).toMatch(/rabbitmq: amqp:\/\/127\.0\.0\.1:\d+ is back/)
        expect(source.process.text()).not.toContain('guest')
      },
      90_000,
    )
  })
})
