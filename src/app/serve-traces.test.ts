/** A process that names a Zipkin server: what arrives there. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import { silentLog } from '../core/log.ts'
import { gateway } from '../gateway/gateway.ts'
import { service } from '../service/service.ts'
import { type Served, serve } from './serve.ts'

const Stock = contract('stock', { rpc: { take: rpc<void, boolean>() } })
const Order = contract('order', { rpc: { submit: rpc<void, boolean>({ expose: 'POST' }) } })
const stock = service(Stock, { rpc: { take: () => true } })
const order = service(Order, { uses: { stock: Stock }, rpc: { submit: (_input, { stock }) => stock.take() } })

const FLAGS = { registry: 'memory', callServiceKey: 'the key of this test', httpPort: 0, rpcPort: 0, adminPort: 'off' }

interface ZipkinSpan {
  readonly id: string
  readonly traceId: string
  readonly parentId?: string
  readonly kind: string
  readonly name: string
  readonly localEndpoint: { readonly serviceName: string }
  readonly tags: Readonly<Record<string, string>>
}

let served: Served | undefined
let zipkin: Server | undefined
afterEach(async () => {
  await served?.close('now')
  served = undefined
  zipkin?.close()
  zipkin?.closeAllConnections()
})

it('one trace of gateway, service and a service beside it, with nodes and ids that fit, at the latest when it ends', async () => {
  const spans: ZipkinSpan[] = []
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => {
      spans.push(...JSON.parse(Buffer.concat(chunks).toString()))
      res.writeHead(202).end()
    })
  })
  zipkin = server
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const zipkinAddr = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  served = await serve([gateway(), order, stock], {
    flags: { ...FLAGS, zipkinAddr },
    env: {},
    cwd: import.meta.dirname,
    log: silentLog,
  })
  const door = served.nodes.find((node) => node.service === 'gateway')
  const answer = await fetch(`http://127.0.0.1:${door?.http.port}/api/order/submit`, { method: 'POST', body: 'null' })
  expect(await answer.json()).toMatchObject({ data: true })
  const { nodes } = served
  await served.close('now')
  served = undefined

  expect(spans.map(({ kind, localEndpoint, name }) => `${kind} ${localEndpoint.serviceName} ${name}`).sort()).toEqual([
    'CLIENT gateway order.submit',
    'CLIENT order stock.take',
    'SERVER gateway order/submit',
    'SERVER order order.submit',
    'SERVER stock stock.take',
  ])
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
  // Each but the first is part of another one.
  const ids = spans.map(({ id }) => id)
  expect(spans.filter(({ parentId }) => parentId !== undefined && ids.includes(parentId))).toHaveLength(4)
  for (const { localEndpoint, tags } of spans) {
    const node = nodes.find(({ service }) => service === localEndpoint.serviceName)
    expect(tags['goms.node']).toBe(node?.name)
  }
  expect(spans.find(({ name, kind }) => name === 'stock.take' && kind === 'CLIENT')?.tags).toMatchObject({
    'goms.local': 'true',
  })
})
