/** A request that may switch protocols: on a connection of its own, which becomes a plain pair of byte streams on 101. */
import { type ClientRequest, request as httpRequest } from 'node:http'
import { type Address, toHostPort } from '../core/node.ts'
import { type Dial, dialTcp } from './dial.ts'
import type { TunnelEvents, UpstreamRequest } from './upstream.ts'
import { UpstreamError } from './upstream-error.ts'

export interface TunnelLimits {
  readonly connectTimeoutMs: number
  readonly dial?: Dial | undefined
}

/** Opens it. `closed` is called once, when nothing of it is left. */
export function openTunnel(
  address: Address,
  { method, path, headers }: UpstreamRequest,
  events: TunnelEvents,
  { connectTimeoutMs, dial = dialTcp }: TunnelLimits,
  closed: () => void,
): { abort(): void } {
  let sent = false
  let done = false
  const socket = dial(address)
  const timer = setTimeout(() => {
    socket.destroy(
      new UpstreamError('ETIMEDOUT', `connect ${toHostPort(address)}: no answer in ${connectTimeoutMs} ms`),
    )
  }, connectTimeoutMs)
  socket.once('connect', () => {
    clearTimeout(timer)
    if (done) return
    sent = true
    events.sent()
  })
  socket.once('close', () => {
    clearTimeout(timer)
    closed()
  })

  // `createConnection` without an Agent: nothing is pooled, and the socket is ours from the first byte to the last.
  const request: ClientRequest = httpRequest({ createConnection: () => socket, method, path, setHost: false })
  for (const [name, values] of grouped(headers)) request.setHeader(name, values)
  request.on('error', (error) => settle(() => events.error(error, sent ? 'unanswered' : 'unsent')))
  request.on('upgrade', (response, _socket, early) => {
    settle(() =>
      events.switched(response.statusCode ?? 101, response.rawHeaders, response.statusMessage ?? '', socket, early),
    )
  })
  request.on('response', (response) => {
    settle(() =>
      events.answered(response.statusCode ?? 502, response.rawHeaders, response.statusMessage ?? '', response),
    )
  })
  request.end()

  function settle(report: () => void): void {
    if (done) return
    done = true
    report()
  }

  return {
    abort() {
      done = true
      request.on('error', () => {})
      socket.on('error', () => {})
      socket.destroy()
      request.destroy()
    },
  }
}

/** Repeated fields as one entry each, as node:http wants them. */
function grouped(raw: readonly string[]): Map<string, string | string[]> {
  const out = new Map<string, { name: string; values: string[] }>()
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const entry = out.get(name.toLowerCase())
    if (entry) entry.values.push(raw[i + 1] as string)
    else out.set(name.toLowerCase(), { name, values: [raw[i + 1] as string] })
  }
  return new Map(
    [...out.values()].map(({ name, values }) => [name, values.length === 1 ? (values[0] as string) : values]),
  )
}
