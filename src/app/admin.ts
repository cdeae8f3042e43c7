/** The admin listener: details of a node for those who run it, on loopback unless told otherwise. */
import type { Address } from '../core/node.ts'
import { createHttpListener } from '../transport/http-listener.ts'
import type { Part, WorkerStatus } from './health.ts'
import { sendMetrics } from './send-metrics.ts'

/** What the admin listener shows of the node. */
export interface NodeStatus {
  readonly service: string
  readonly node: string
  readonly ready: boolean
  /** What it is made of, and why a part is not ready. One that is missing need not stop the whole. */
  readonly parts: readonly Part[]
  /** Number of the shared routes in force; null: those of the files are. */
  readonly routes: { readonly number: number | null }
  readonly inFlight: number
  readonly sessions: number
  /** Of a gateway that has some; the numbers above are their sums then. */
  readonly workers?: readonly WorkerStatus[]
  /** Once it was reached. */
  readonly registry?: {
    readonly connected: boolean
    readonly endpoint: string | undefined
    readonly ageMs: number
    /** Keys and values that cannot be a node of ours, counted once per write. */
    readonly skippedKeys: number
  }
}

export interface AdminOptions {
  readonly host: string
  /** Undefined: `wishedPort`, or a free one when that is taken. */
  readonly port: number | undefined
  readonly wishedPort: number
  status(): NodeStatus
  /** The page of `/metrics` in slices; undefined: there is none. */
  readonly metrics?: (() => Promise<Iterable<string>>) | undefined
}

export interface Admin {
  readonly address: Address
  close(): Promise<void>
}

/** @throws GomsError GOMS_PORT_IN_USE for a port that was asked for */
export async function createAdmin(options: AdminOptions): Promise<Admin> {
  const listener = createHttpListener({
    request(req, res) {
      const status = options.status()
      const path = req.url?.split('?', 1)[0]
      if (path === '/metrics' && options.metrics !== undefined) return void sendMetrics(options.metrics, res)
      if (path === '/-/live') return answer(200, { live: true })
      if (path === '/-/ready') return answer(status.ready ? 200 : 503, status)
      return answer(404, { code: 'NOT_FOUND', msg: 'try /-/live, /-/ready or /metrics' })

      function answer(code: number, body: object): void {
        res.writeHead(code, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' })
        res.end(`${JSON.stringify(body)}\n`)
      }
    },
  })
  const bind = (port: number): Promise<Address> => listener.listen(port, options.host)
  const address =
    options.port !== undefined
      ? await bind(options.port)
      : await bind(options.wishedPort > 65_535 ? 0 : options.wishedPort).catch(() => bind(0))
  return { address, close: () => listener.close(200) }
}
