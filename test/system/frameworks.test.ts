/** Every framework's example as a user has it: its own process behind a real gateway, streams and WebSockets included. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { untilReady } from '../support/cluster.ts'
import { freePort, killAll, startGoms } from '../support/processes.ts'

const root = join(import.meta.dirname, '..', '..')
const examples = join(root, 'examples', 'frameworks')
const FRAMEWORKS = ['plain', 'express', 'fastify', 'koa', 'hono', 'nest'] as const
const configs = mkdtempSync(join(tmpdir(), 'goms-frameworks-'))

const SERVICES = `
services:
  hello: { echo: /echo, stream: /stream, ws: /ws, context: /context }
callServiceKey: a key for the tests
`

let url = ''
let env: Record<string, string> = {}

beforeAll(async () => {
  writeFileSync(join(configs, 'services.yml'), SERVICES)
  const tsc = createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace(/package\.json$/, 'bin/tsc')
  execFileSync(process.execPath, [tsc, '-p', join(examples, 'nest')], { stdio: 'pipe' })
  env = { GOMS_EMBEDDED_PORT: String(await freePort(4)) }
  const port = await freePort()
  url = `127.0.0.1:${port}`
  const file = join(root, 'test', 'fixtures', 'gateway.mjs')
  const args = ['start', file, '-configs', configs, '-http_port', String(port), '-rpc_port', '0']
  await untilReady(`http://${url}`, startGoms(args, { name: 'gateway', env }))
})
afterAll(async () => {
  await killAll()
  rmSync(configs, { recursive: true, force: true })
})

describe.each(FRAMEWORKS)('%s behind the gateway', (framework) => {
  test('gets requests, streams its answer, and keeps its WebSockets until it leaves', async () => {
    const file = join(examples, framework, framework === 'nest' ? 'dist/hello.js' : 'hello.ts')
    const node = startGoms(['start', file, '-configs', configs], { name: framework, env })
    const echo = (): Promise<Response> =>
      fetch(`http://${url}/api/hello/echo?a=1&b=3`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"name":"Ada"}',
      })
    await vi.waitFor(async () => expect((await echo()).status, node.text()).toBe(200), { timeout: 10_000 })
    const answer = await (await echo()).json()
    expect(answer).toEqual({
      status: true,
      method: 'POST',
      path: '/echo',
      query: { a: '1', b: '3' },
      body: { name: 'Ada' },
    })
    expect(await (await fetch(`http://${url}/api/hello/context`)).json()).toMatchObject({ caller: 'gateway' })
    expect(await (await fetch(`http://${url}/api/hello/stream`)).text()).toBe('one\ntwo\nthree\n')

    const socket = new WebSocket(`ws://${url}/api/hello/ws`)
    await once(socket, 'open')
    for (const message of ['hi', 'x'.repeat(100_000)]) {
      socket.send(message)
      const [data] = await once(socket, 'message')
      expect(String(data)).toBe(message)
    }
    const closed = once(socket, 'close')
    const exit = node.stop()
    expect((await closed)[0]).toBe(1001)
    expect(await exit, node.text()).toEqual({ code: 0, signal: null })
  })
})
