/** Nodes, kind and hostile, and senders for the tests of the engine that carries HTTP requests to nodes. */
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import type { Address } from '../core/node.ts'
import { createHttpUpstream, type UpstreamOptions } from './http-upstream.ts'
import type { Upstream, UpstreamEvents, UpstreamHandle, UpstreamRequest, UpstreamStage } from './upstream.ts'

/** Run after each test, the last first. */
export const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

export async function http(listener: RequestListener, tune: (server: Server) => void = () => {}): Promise<Address> {
  const server = createHttpServer(listener)
  tune(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

/** A server that speaks bytes, for answers that node:http would not give. `n` counts its connections from 0. */
export async function raw(onSocket: (socket: Socket, n: number) => void): Promise<Address> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket.on('error', () => {}))
    onSocket(socket, sockets.size - 1)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

/** A node that says the same to whatever is asked, in one piece. */
export function saying(bytes: string): Promise<Address> {
  return raw((socket) => socket.on('data', () => socket.write(bytes, 'latin1')))
}

export function engine(options?: UpstreamOptions): Upstream {
  const upstream = createHttpUpstream(options)
  cleanups.push(() => upstream.close())
  return upstream
}

export interface Result {
  sent: number
  status: number
  headers: string[]
  infos: number[]
  body: string
  trailers: string[]
  error: (Error & { code?: string }) | undefined
  stage: UpstreamStage | undefined
}

export const get: UpstreamRequest = { method: 'GET', path: '/', fields: 'Host: x\r\n', body: null }

/** Sends, and collects what comes back; bytes of the body as Latin-1. */
export function send(upstream: Upstream, address: Address, request: Partial<UpstreamRequest> = {}): Promise<Result> {
  return new Promise((resolve) => {
    const result: Result = {
      ...{ sent: 0, status: 0, headers: [], infos: [], body: '', trailers: [], error: undefined, stage: undefined },
    }
    sendTo(upstream, address, request, {
      sent: () => result.sent++,
      info: (head) => result.infos.push(head.status),
      head(head) {
        result.status = head.status
        result.headers = head.fields.list()
      },
      data(chunk) {
        result.body += chunk.toString('latin1')
        return true
      },
      end: (trailers) => resolve(Object.assign(result, { trailers: trailers.list() })),
      error: (error, stage) => resolve(Object.assign(result, { error, stage })),
    })
  })
}

/** Sends with some of the events. */
export function sendTo(
  upstream: Upstream,
  address: Address,
  request: Partial<UpstreamRequest>,
  events: { [K in keyof UpstreamEvents]?: (...args: Parameters<UpstreamEvents[K]>) => unknown },
): UpstreamHandle {
  const nothing = (): void => {}
  const all = { sent: nothing, info: nothing, head: nothing, data: () => true, end: nothing, error: nothing, ...events }
  return upstream.send(address, { ...get, ...request }, all as UpstreamEvents)
}

/** Waits for what happens soon. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 1))
  if (!condition()) throw new Error(`never came true: ${condition}`)
}
