import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { judge } from './judge.ts'
import { startLoad } from './load.ts'
import { freePort } from './processes.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

/** Echoes ids; `broken` decides what goes wrong for the n-th request. */
async function echo(broken: (n: number) => 'right' | 'reset' | 'wrong-id' | 'silent' = () => 'right'): Promise<string> {
  let n = 0
  const server = createServer(async (req, res) => {
    let body = ''
    for await (const chunk of req) body += chunk
    const id = req.method === 'GET' ? new URL(req.url ?? '', 'http://x').searchParams.get('id') : JSON.parse(body).id
    const how = broken(n++)
    if (how === 'silent') return
    if (how === 'reset') return void req.socket.destroy()
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify({ id: how === 'wrong-id' ? 'other' : id, node: 'a' }))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('sends its rate, half GET and half POST, each with its own id', async () => {
  const history = await startLoad({ origins: [await echo()], durationMs: 500, rate: 200 }).done
  expect(history).toHaveLength(100)
  expect(history.filter((it) => it.method === 'POST')).toHaveLength(50)
  expect(new Set(history.map((it) => it.id)).size).toBe(100)
  expect(judge(history, []).lost).toEqual([])
})

test('writes down resets, wrong ids and silence, and goes on sending', async () => {
  const how = { 5: 'reset', 10: 'wrong-id', 15: 'silent' } as const
  const origin = await echo((n) => (how as Record<number, 'reset' | 'wrong-id' | 'silent'>)[n] ?? 'right')
  const history = await startLoad({ origins: [origin], durationMs: 300, rate: 100, tailMs: 300 }).done
  const verdict = judge(history, [])
  expect(history).toHaveLength(30)
  expect(verdict.lost).toHaveLength(3)
  expect(verdict.crossTalk).toHaveLength(1)
})

test('a client that knows two gateways goes to the other when one cannot be reached', async () => {
  const closed = `http://127.0.0.1:${await freePort()}`
  const history = await startLoad({ origins: [closed, await echo()], durationMs: 200, rate: 100 }).done
  expect(judge(history, []).lost).toEqual([])
})

test('a load that is stopped sends no more, and waits for what was sent', async () => {
  const load = startLoad({ origins: [await echo()], durationMs: 60_000, rate: 100 })
  await new Promise((resolve) => setTimeout(resolve, 100))
  load.stop()
  const history = await load.done
  expect(history.length).toBeGreaterThan(5)
  expect(history.length).toBeLessThan(20)
  expect(judge(history, []).lost).toEqual([])
})

test('a client that checks readiness leaves a gateway that says no before it is gone', async () => {
  let asked = 0
  const server = createServer((req, res) => {
    if (req.url !== '/-/ready') asked++
    res.statusCode = 503
    res.end()
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const leaving = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const origins = [leaving, await echo()]
  const history = await startLoad({ origins, durationMs: 600, rate: 100, checksReady: true }).done
  // Only what was sent before the first answer of a check.
  expect(asked).toBeLessThan(20)
  expect(judge(history.slice(30), []).lost).toEqual([])
})
