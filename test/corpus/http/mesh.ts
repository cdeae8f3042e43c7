/** The gateway of the corpus with its recording node, and others who use it meanwhile. */
import { afterwards, nodeAt, standBehind, startGateway } from '../../../src/gateway/gateway.fixtures.ts'
import { type Load, loadAnswer, startLoad } from './load.ts'
import type { Message } from './messages.ts'
import { PATIENCE_MS } from './raw-client.ts'
import { type RecordingNode, startRecordingNode } from './recording-node.ts'

export type Parser = 'fast' | 'safe'
export const PARSERS: readonly Parser[] = ['fast', 'safe']

/** Actions of the service `user`, and their paths at its node. */
const ROUTES = { login: { path: '/login' }, sentinel: { path: '/sentinel' }, load: { path: '/load' } }

const MAX_BODY_BYTES = 1_000_000

export interface CorpusGateway {
  readonly port: number
  readonly node: RecordingNode
  readonly load: Load
  /** How long a client waits for what is due. */
  readonly patienceMs: number
  /** What was forwarded since it was asked last, without the requests of the load. */
  forwarded(): Message[]
}

/** A node of the service `other`. */
export interface OtherNode {
  readonly port: number
  readonly routes: Readonly<Record<string, { readonly path: string }>>
}

export interface CorpusGatewayOptions {
  readonly other?: OtherNode
  readonly trustedProxies?: readonly string[]
}

/** Gone after the test. The node has idle connections in the pool, and some in use, when this resolves. */
export async function startCorpusGateway(
  parser: Parser,
  { other, trustedProxies = [] }: CorpusGatewayOptions = {},
): Promise<CorpusGateway> {
  standBehind(parser)
  const node = await startRecordingNode(answerOf)
  afterwards(() => node.close())
  const settings = { maxBodyBytes: MAX_BODY_BYTES, trustedProxies }
  const nodes = [nodeAt(node.port), ...(other ? [nodeAt(other.port, { service: 'other' })] : [])]
  const routes = { user: ROUTES, ...(other && { other: other.routes }) }
  const { port } = await startGateway({ nodes, routes, settings })
  const load = startLoad({ port, target: '/api/user/load' })
  while (load.answered < 6) await new Promise((resolve) => setTimeout(resolve, 2))
  return {
    ...{ port, node, load, patienceMs: PATIENCE_MS },
    forwarded: () => node.take().filter(({ start }) => start !== 'POST /load HTTP/1.1'),
  }
}

function answerOf(request: Message): string {
  if (request.start.startsWith('POST /load ')) return loadAnswer(request)
  const body = request.start.startsWith('HEAD ') ? '' : 'answered'
  return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\n${body}`
}
