/** A gateway for tests: real listeners on free ports, the real mesh, and a view that the test holds. */
import { createServer, type RequestListener, request, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { type Log, silentLog } from '../core/log.ts'
import type { NodeInfo } from '../core/node.ts'
import { defaultElasticsearch, defaultMetrics, defaultTrace } from '../core/observability-options.ts'
import type { ObserveRequests } from '../core/observe.ts'
import {
  defaultGateway,
  defaultPolicy,
  type GatewayOptions,
  type Policy,
  type Routes,
  type Settings,
} from '../core/options.ts'
import { createMesh } from '../mesh/mesh.ts'
import { dispatchRpc } from '../mesh/rpc-carrier.ts'
import type { View, ViewChange } from '../registry/registry.ts'
import { createMethodCodecs } from '../rpcx/learning-codec.ts'
import type { HttpDoor } from '../transport/http-door.ts'
import { createHttpNodeDoor } from '../transport/http-node-door.ts'
import { createHttpRawDoor } from '../transport/http-raw-door.ts'
import { createHttpUpstream, type UpstreamOptions } from '../transport/http-upstream.ts'
import { createRpcUpstream } from '../transport/rpc-upstream.ts'
import type { Upstream } from '../transport/upstream.ts'
import { createGateway, type Gateway } from './create-gateway.ts'
import { type GatewayDefinitionOptions, gateway } from './gateway.ts'

let engine: GatewayOptions['parser'] = 'fast'

/** Which front engine the gateways of this test file stand behind. @default 'fast' */
export function standBehind(parser: GatewayOptions['parser']): void {
  engine = parser
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

export interface TestView extends View {
  join(...nodes: NodeInfo[]): void
  leave(node: NodeInfo): void
  advertise(service: string, hash: string, document: unknown): void
}

export function testView(): TestView {
  const nodes = new Map<string, readonly NodeInfo[]>()
  const contracts = new Map<string, unknown>()
  const listeners = new Set<(change: ViewChange) => void>()
  const contractListeners = new Set<(service: string, hash: string, document: unknown) => void>()
  const tell = (change: ViewChange): void => {
    for (const listener of listeners) listener(change)
  }
  return {
    services: () => [...nodes.keys()].sort(),
    nodes: (service) => nodes.get(service) ?? [],
    contract: (hash) => contracts.get(hash),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onContract(listener) {
      contractListeners.add(listener)
      return () => contractListeners.delete(listener)
    },
    skipped: 0,
    join(...joining) {
      for (const node of joining) {
        const all = [...(nodes.get(node.service) ?? []), node]
        nodes.set(
          node.service,
          all.sort((a, b) => (a.key < b.key ? -1 : 1)),
        )
        tell({ type: 'join', node })
      }
    },
    leave(node) {
      nodes.set(
        node.service,
        (nodes.get(node.service) ?? []).filter((other) => other.id !== node.id),
      )
      tell({ type: 'leave', node })
    },
    advertise(service, hash, document) {
      contracts.set(hash, document)
      for (const listener of contractListeners) listener(service, hash, document)
    },
  }
}

export function nodeAt(port: number, more: Partial<NodeInfo> = {}): NodeInfo {
  const service = more.service ?? 'user'
  const name = `127.0.0.1:1_127.0.0.1:${port}`
  return {
    ...{ key: `goms_${service}_${name}`, service, name, id: `id-${port}`, dialect: 'goms', protocols: ['http'] },
    ...{ rpc: { host: '127.0.0.1', port: 1 }, http: { host: '127.0.0.1', port } },
    ...{ version: undefined, zone: undefined, startedAtMs: undefined, contract: undefined, weight: 1 },
    ...{ draining: false, admin: undefined },
    ...more,
  }
}

export function testSettings(more: {
  readonly routes?: Routes
  readonly gateway?: Partial<GatewayOptions>
  readonly policy?: Partial<Policy>
}): Settings {
  return {
    ...{
      project: 'goms',
      callKey: 'a-secret-key',
      publishRoutes: false,
      admitGo: false,
      redisAddr: undefined,
      zipkinAddr: undefined,
      esAddr: undefined,
    },
    ...{ amqpAddr: undefined, httpPort: 0, rpcPort: 0, host: '127.0.0.1', advertise: {}, adminHost: '127.0.0.1' },
    ...{
      adminPort: 'off',
      drainMs: 100,
      terminationGraceMs: 30_000,
      log: 'human',
      debug: false,
      runtimeDir: undefined,
    },
    registry: {
      ...{ kind: 'memory', endpoints: [], user: undefined, password: undefined, tls: undefined, embeddedPort: 0 },
      ...{ dialect: 'goms', leaseTtlMs: 10_000, connectTimeoutMs: 10_000 },
    },
    routes: more.routes ?? {},
    policy: { ...defaultPolicy, ...more.policy },
    balance: { default: 'round-robin', services: {} },
    gateway: { ...defaultGateway, ...more.gateway },
    ...{ trace: defaultTrace, metrics: defaultMetrics, elasticsearch: defaultElasticsearch },
    user: {},
  }
}

export interface TestGateway {
  readonly port: number
  readonly gateway: Gateway
  readonly listener: HttpDoor
  readonly upstream: Upstream
  readonly view: TestView
  readonly settings: Settings
}

export interface TestGatewayOptions {
  readonly nodes?: readonly NodeInfo[]
  readonly view?: TestView
  /** Paths of actions of `user`; `{ login: '/login' }` by default. */
  readonly routes?: Routes
  readonly settings?: Partial<GatewayOptions>
  readonly policy?: Partial<Policy>
  readonly definition?: GatewayDefinitionOptions
  readonly upstream?: UpstreamOptions
  readonly ready?: () => boolean
  readonly leaving?: () => boolean
  readonly observe?: ObserveRequests
  readonly log?: Log
}

export async function startGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const view = options.view ?? testView()
  view.join(...(options.nodes ?? []))
  const settings = testSettings({
    routes: options.routes ?? { user: { login: { path: '/login' } } },
    ...(options.settings && { gateway: options.settings }),
    ...(options.policy && { policy: options.policy }),
  })
  const upstream = createHttpUpstream(options.upstream)
  const rpcUpstream = createRpcUpstream({ clock: systemClock })
  const mesh = createMesh({
    view,
    balance: settings.balance,
    probe: async () => true,
    left: (node) => upstream.forget(node.http),
  })
  const made = createGateway({
    definition: gateway(options.definition),
    ...{ settings, view, dispatcher: mesh, upstream, callKey: settings.callKey, clock: systemClock },
    sendMethod: (call, input, result) =>
      dispatchRpc(
        { dispatcher: mesh, upstream: rpcUpstream, callKey: settings.callKey },
        call,
        {
          ...{ method: call.action, input, codecs: createMethodCodecs() },
        },
        result,
      ),
    stats: (service) => mesh.stats(service),
    log: options.log ?? silentLog,
    ready: options.ready ?? (() => true),
    leaving: options.leaving,
    observe: options.observe,
  })
  const { maxHeaderBytes, maxHeaderCount, maxTargetBytes } = settings.gateway
  const limits = { headBytes: maxHeaderBytes, fieldCount: maxHeaderCount, targetBytes: maxTargetBytes }
  const front = { handler: made.handle, refused: made.refused, limits }
  const listener = engine === 'fast' ? createHttpRawDoor(front) : createHttpNodeDoor(front)
  const { port } = await listener.listen(0, '127.0.0.1')
  cleanups.push(async () => {
    await made.close()
    await listener.close(0)
    mesh.close()
    await upstream.close()
    await rpcUpstream.close()
  })
  return { port, gateway: made, listener, upstream, view, settings }
}

/** A node of `user` that serves with a listener of the test's. */
export async function startNode(
  listener: RequestListener,
  more: Partial<NodeInfo> = {},
): Promise<NodeInfo & { server: Server }> {
  const server = createServer({ keepAliveTimeout: 75_000 }, listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { ...nodeAt((server.address() as AddressInfo).port, more), server }
}

/** Runs when the test is over. */
export function afterwards(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly rawHeaders: readonly string[]
  readonly body: string
  readonly trailers: Readonly<Record<string, string | undefined>>
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  json(): any
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer
}

/** One request on a connection of its own. */
export function ask(
  port: number,
  { method = 'GET', path = '/api/user/login', headers = {}, body }: Ask = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, headers, agent: false }
    const sent = request(options, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const { rawHeaders, trailers } = res
        resolve({
          ...{ status: res.statusCode ?? 0, headers: res.headers, rawHeaders, body: text, trailers },
          json: () => JSON.parse(text),
        })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** A raw connection; `answer` resolves with all that came until it closed. */
export function talk(port: number, bytes: string): { socket: Socket; answer: Promise<string>; text(): string } {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.write(bytes, 'latin1')
  return { socket, text: () => text, answer: new Promise((resolve) => socket.on('close', () => resolve(text))) }
}

/** Waits until it holds, at most two seconds. */
export async function until(holds: () => boolean, withinMs = 2000): Promise<void> {
  const end = performance.now() + withinMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
