import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { defaultGateway } from '../core/options.ts'
import type { ExchangeEvents, HttpExchange } from '../transport/http-exchange.ts'
import { createExchangeRoom } from './exchange-room.ts'
import { createFrontEngine } from './front-engine.ts'
import { MOST_WAITING } from './waiting-room.ts'

const closes: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closes.splice(0)) await close()
})

/** Answers with the body that came. */
class Echo implements ExchangeEvents {
  readonly #exchange: HttpExchange
  readonly #chunks: Buffer[] = []

  constructor(exchange: HttpExchange) {
    this.#exchange = exchange
    exchange.events = this
    if (exchange.hasBody) exchange.resumeBody()
    else this.bodyEnd()
  }

  data(chunk: Buffer): boolean {
    this.#chunks.push(Buffer.from(chunk))
    return true
  }

  bodyEnd(): void {
    const body = Buffer.concat(this.#chunks)
    this.#exchange.head(200, 'OK', '', body.length)
    this.#exchange.write(body)
    this.#exchange.end()
  }

  drain(): void {}
  closed(): void {}
}

async function probes(url: string): Promise<unknown[]> {
  const said = []
  for (const [path = '', method = 'GET'] of [['/-/live'], ['/-/ready?x'], ['/-/ready', 'HEAD'], ['/-/live', 'POST']]) {
    const reply = await fetch(`${url}${path}`, { method, ...(method === 'POST' && { body: 'x' }) })
    said.push([reply.status, await reply.text(), reply.headers.get('cache-control')])
  }
  return said
}

const STARTING = [
  [200, 'live\n', 'no-store'],
  [503, 'starting\n', 'no-store'],
  [503, '', 'no-store'],
  [200, 'live\n', 'no-store'],
]

describe.each(['fast', 'safe'] as const)('requests that come too early, parser %s', (parser) => {
  async function made() {
    const room = createExchangeRoom()
    const engine = await createFrontEngine(
      { ...defaultGateway, parser },
      { refused() {}, handler: room.handle, clock: systemClock, log: silentLog },
    )
    closes.push(() => engine.close(0))
    const { port } = await engine.listen(0, '127.0.0.1')
    const seen: string[] = []
    const handle = (exchange: HttpExchange): void => {
      seen.push(exchange.target)
      new Echo(exchange)
    }
    return { room, handle, seen, url: `http://127.0.0.1:${port}` }
  }

  it('are held with their bodies until the door opens', async () => {
    const { room, handle, seen, url } = await made()
    const early = [1, 2, 3].map((n) => fetch(`${url}/${n}`, { method: 'POST', body: `body ${n}` }))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(seen).toEqual([])
    room.open(handle)
    expect(await Promise.all(early.map(async (reply) => (await reply).text()))).toEqual(['body 1', 'body 2', 'body 3'])
    expect(await (await fetch(`${url}/late`, { method: 'POST', body: 'late' })).text()).toBe('late')
  })

  it('are told at once how the process is, where they ask for that', async () => {
    const { room, handle, seen, url } = await made()
    const waiting = fetch(`${url}/first`, { method: 'POST', body: 'first' })
    expect(await probes(url)).toEqual(STARTING)
    expect(seen).toEqual([])
    room.open(handle)
    expect(await (await waiting).text()).toBe('first')
    await fetch(`${url}/-/live`)
    expect(seen).toEqual(['/first', '/-/live'])
  })

  it('are turned away when too many wait', async () => {
    const { room, handle, seen, url } = await made()
    for (let i = 0; i < MOST_WAITING; i++) room.handle({ closed: true } as HttpExchange)
    const reply = await fetch(`${url}/more`)
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '1'])
    room.open(handle)
    expect(seen).toEqual([])
  })
})
