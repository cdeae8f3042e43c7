import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import type { ServiceDoor } from './door.ts'
import { createWaitingRoom } from './waiting-room.ts'

const closes: (() => void)[] = []
afterEach(() => {
  for (const close of closes.splice(0)) close()
})

async function roomWithDoor() {
  const room = createWaitingRoom()
  const server = createServer((req, res) => room.request(req, res))
  closes.push(
    () => server.close(),
    () => server.closeAllConnections(),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const seen: string[] = []
  const door = {
    request(req: IncomingMessage, res: ServerResponse) {
      seen.push(req.url ?? '')
      req.pipe(res)
    },
  } as unknown as ServiceDoor
  return { room, door, seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

it('holds requests with their bodies until the door opens', async () => {
  const { room, door, seen, url } = await roomWithDoor()
  const early = [1, 2, 3].map((n) => fetch(`${url}/${n}`, { method: 'POST', body: `body ${n}` }))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(seen).toEqual([])
  room.open(door)
  expect(await Promise.all(early.map(async (reply) => (await reply).text()))).toEqual(['body 1', 'body 2', 'body 3'])
  expect(await (await fetch(`${url}/late`, { method: 'POST', body: 'late' })).text()).toBe('late')
})

it('forgets who went away while waiting', async () => {
  const { room, door, seen, url } = await roomWithDoor()
  const controller = new AbortController()
  const gone = fetch(`${url}/gone`, { signal: controller.signal }).catch(() => 'gone')
  await new Promise((resolve) => setTimeout(resolve, 30))
  controller.abort()
  expect(await gone).toBe('gone')
  await new Promise((resolve) => setTimeout(resolve, 30))
  room.open(door)
  expect(seen).toEqual([])
})

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

it('says at once how the process is, whatever waits', async () => {
  const { room, door, seen, url } = await roomWithDoor()
  const waiting = fetch(`${url}/first`, { method: 'POST', body: 'first' })
  expect(await probes(url)).toEqual(STARTING)
  expect(seen).toEqual([])
  room.open(door)
  expect(await (await waiting).text()).toBe('first')
  await fetch(`${url}/-/live`)
  expect(seen).toEqual(['/first', '/-/live'])
})
