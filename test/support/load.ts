/**
 * L400 and its like: an open loop that sends on time whatever the answers do, half GET and half POST, each with an id of
 * its own, over kept-alive connections; and writes down what became of each.
 */
import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Sent } from './judge.ts'

export interface LoadOptions {
  /** `http://127.0.0.1:8080`; with several, requests take turns, and one that cannot connect goes to the next. */
  readonly origins: readonly string[]
  /** Must echo `{ "id": <the id of the query or of the JSON body>, "node": … }`. @default '/api/echo/echo' */
  readonly path?: string
  /** Where POST requests go. @default path */
  readonly postPath?: string
  /** Unless it is stopped before. */
  readonly durationMs: number
  /** Requests a second. @default 400 */
  readonly rate?: number
  /** How long answers are waited for at the end. @default 10000 */
  readonly tailMs?: number
  /** As a load balancer does: asks `/-/ready` of each origin every 100 ms and sends to those that say 200. */
  readonly checksReady?: boolean
  /** Asks in another way than by HTTP: the same load, by RPC. */
  readonly ask?: (id: string, method: 'GET' | 'POST') => Promise<Answered>
  /** Begins the ids, so that several loads can share one history. @default 'r' */
  readonly prefix?: string
}

/** An answer, whatever carried it; its body echoes the id. */
export interface Answered {
  readonly status: number
  readonly body: string
}

export interface Load {
  /** Sends no more; what was sent is waited for. */
  stop(): void
  /** Resolves when every answer has come or the tail is over, in the order of sending. */
  readonly done: Promise<readonly Sent[]>
}

/** Begins to send at once. */
export function startLoad(options: LoadOptions): Load {
  const { origins, durationMs, rate = 400, tailMs = 10_000, path = '/api/echo/echo', prefix = 'r' } = options
  const { postPath = path } = options
  let total = Math.floor((durationMs * rate) / 1000)
  const clients = origins.map((origin) => clientOf(origin))
  const ready = options.checksReady ? watchReady(origins) : { isReady: () => true, stop() {} }
  const history: Sent[] = []
  const pending = new Set<Promise<void>>()
  const startedMs = performance.now()
  const elapsedMs = (): number => performance.now() - startedMs

  const send = async (n: number): Promise<void> => {
    const id = `${prefix}${n}`
    const method = n % 2 === 0 ? 'GET' : 'POST'
    const sentMs = elapsedMs()
    const began = performance.now()
    // Its place is taken now, so that the history is in the order of sending.
    history[n] = { id, method, sentMs, tookMs: undefined, status: 0, echoed: undefined, node: undefined, error: 'none' }
    let answer: Pick<Sent, 'tookMs' | 'status' | 'echoed' | 'node' | 'error'>
    try {
      const { status, body } = await (options.ask?.(id, method) ?? ask(n, id, method))
      const echo = readEcho(body)
      const error = status === 200 && echo.id === id ? undefined : `${status} ${body.slice(0, 120)}`
      answer = { tookMs: performance.now() - began, status, echoed: echo.id, node: echo.node, error }
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      answer = { tookMs: undefined, status: 0, echoed: undefined, node: undefined, error: code ?? message }
    }
    history[n] = { id, method, sentMs, ...answer }
  }

  const ask = async (n: number, id: string, method: 'GET' | 'POST'): Promise<Answered> => {
    const usable = clients.filter((_, at) => ready.isReady(at))
    const turn = usable.length > 0 ? usable : clients
    for (let attempt = 0; ; attempt++) {
      const client = turn[(n + attempt) % turn.length] as Client
      try {
        return method === 'GET'
          ? await client.ask(method, `${path}?id=${id}`)
          : await client.ask(method, postPath, JSON.stringify({ id }))
      } catch (error) {
        // Never sent: a client that knows another gateway goes there.
        const code = (error as { code?: string }).code
        const unsent = code === 'ECONNREFUSED' || code === CONNECT_TIMEOUT
        if (!unsent || attempt + 1 >= turn.length) throw error
      }
    }
  }

  const done = new Promise<void>((resolve) => {
    let n = 0
    const tick = setInterval(() => {
      const due = Math.min(total, Math.floor((elapsedMs() * rate) / 1000) + 1)
      for (; n < due; n++) {
        const one = send(n).finally(() => pending.delete(one))
        pending.add(one)
      }
      if (n < total) return
      clearInterval(tick)
      resolve()
    }, 5)
  }).then(async () => {
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, tailMs)
    })
    await Promise.race([Promise.all(pending), over])
    clearTimeout(timer)
    ready.stop()
    const result = [...history]
    for (const client of clients) client.close()
    return result
  })
  return {
    stop() {
      total = 0
    },
    done,
  }
}

interface Client {
  /** With a body it is JSON. */
  ask(method: string, path: string, body?: string): Promise<Answered>
  /** Closes its connections, those in use as well. */
  close(): void
}

const CONNECT_TIMEOUT = 'CONNECT_TIMEOUT'
const CONNECT_TIMEOUT_MS = 2000

/** Node's own client, so that what is measured here is judged by somebody else's reading of HTTP. */
function clientOf(origin: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 })
  const { hostname, port } = new URL(origin)
  return {
    async ask(method, path, body) {
      const headers =
        body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      const response = await answerOf({ agent, hostname, port, method, path, headers }, body)
      return { status: response.statusCode ?? 0, body: await text(response) }
    },
    close: () => agent.destroy(),
  }
}

function answerOf(options: RequestOptions, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(options, resolve)
    request.on('error', reject)
    request.on('socket', (socket) => {
      if (!socket.connecting) return
      const timer = setTimeout(() => {
        request.destroy(Object.assign(new Error('no connection in time'), { code: CONNECT_TIMEOUT }))
      }, CONNECT_TIMEOUT_MS)
      socket.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
    })
    request.end(body)
  })
}

/** A health check as load balancers have it: one failed answer is enough, one good one too. */
function watchReady(origins: readonly string[]): { isReady(at: number): boolean; stop(): void } {
  const state = origins.map(() => true)
  const check = (): void => {
    for (const [at, origin] of origins.entries()) {
      fetch(`${origin}/-/ready`, { signal: AbortSignal.timeout(500) }).then(
        (response) => {
          state[at] = response.status === 200
        },
        () => {
          state[at] = false
        },
      )
    }
  }
  const timer = setInterval(check, 100)
  return { isReady: (at) => state[at] === true, stop: () => clearInterval(timer) }
}

interface Echoed {
  id?: string
  node?: string
}

function readEcho(body: string): { id: string | undefined; node: string | undefined } {
  try {
    // A method that the gateway serves answers within `data`.
    const { data, id = data?.id, node = data?.node } = JSON.parse(body) as Echoed & { data?: Echoed }
    return { id, node }
  } catch {
    return { id: undefined, node: undefined }
  }
}
