/** Registry keys of nodes, in both dialects, and where goms keeps everything else. Strict: what is not exactly a key is none. */
import { isIPv4, isIPv6 } from 'node:net'
import { GomsError } from '../core/errors.ts'
import { type Address, type Dialect, toHostPort } from '../core/node.ts'

/** What a node key says by itself. */
export interface NodeKey {
  readonly service: string
  readonly rpc: Address
  readonly http: Address
  readonly dialect: Dialect
}

/** Names that go into keys, headers and log lines. The original's parsers split on `_`. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/
const PORT = /^[1-9][0-9]{0,4}$/
/** Two IPv6 addresses with ports, two names and what is between: anything longer is no key of ours. */
const MAX_KEY_LENGTH = 256

/** Whether a project or service can be called that: ASCII letters, digits, `.` and `-`, at most 63, starting with a letter or digit. */
export function isName(name: string): boolean {
  return NAME.test(name)
}

/** Where the nodes of a project are: both dialects share the prefix. */
export function nodePrefix(project: string): string {
  return `${project}_`
}

/** Where everything else of a project is. */
export function ownPrefix(project: string): string {
  return `/goms/v1/${project}/`
}

/** The keys below {@link ownPrefix}. */
export function ownKeys(project: string): {
  readonly epoch: string
  readonly sharedKey: string
  readonly states: string
  readonly contracts: string
  readonly routes: string
  readonly routesHistory: string
} {
  const prefix = ownPrefix(project)
  return {
    epoch: `${prefix}epoch`,
    sharedKey: `${prefix}key`,
    states: `${prefix}state/`,
    contracts: `${prefix}contracts/`,
    routes: `${prefix}routes`,
    routesHistory: `${prefix}routes/history/`,
  }
}

/**
 * The key of a node: `goms_user_10.0.0.1:9180_10.0.0.1:9080` (RPC first), or `goms_user_10.0.0.1:9080:9180` in go-garden's
 * dialect, which has room for one IPv4 address only.
 * @throws GomsError GOMS_NAME_INVALID, GOMS_ADDRESS_REFUSED
 */
export function toNodeKey(dialect: Dialect, project: string, node: Omit<NodeKey, 'dialect'>): string {
  for (const [what, name] of [
    ['project', project],
    ['service', node.service],
  ] as const)
    if (!isName(name))
      throw new GomsError(
        'GOMS_NAME_INVALID',
        `registry: ${what} name \`${name.slice(0, 80)}\` cannot be part of a key`,
        {
          detail: {
            found: name.slice(0, 80),
            expected: 'letters, digits, `.` and `-`, at most 63, starting with a letter or digit',
            fix: `choose another ${what} name; \`_\` separates the parts of a key`,
          },
        },
      )
  if (dialect === 'goms')
    return `${nodePrefix(project)}${node.service}_${toHostPort(node.rpc)}_${toHostPort(node.http)}`
  if (node.rpc.host !== node.http.host || !isIPv4(node.http.host))
    throw new GomsError(
      'GOMS_ADDRESS_REFUSED',
      `registry: the go-garden dialect cannot carry ${toHostPort(node.rpc)} and ${toHostPort(node.http)}`,
      {
        detail: {
          found: `${toHostPort(node.rpc)} and ${toHostPort(node.http)}`,
          expected: 'one IPv4 address for both ports',
          fix: ['advertise one IPv4 address', 'or set registryDialect: goms'],
        },
      },
    )
  return `${nodePrefix(project)}${node.service}_${node.http.host}:${node.http.port}:${node.rpc.port}`
}

/** What a key under {@link nodePrefix} says, or undefined for a stranger's. */
export function parseNodeKey(project: string, key: string): NodeKey | undefined {
  const prefix = nodePrefix(project)
  if (key.length > MAX_KEY_LENGTH || !key.startsWith(prefix)) return undefined
  const parts = key.slice(prefix.length).split('_')
  const [service = '', first = '', second] = parts
  if (!isName(service)) return undefined
  if (parts.length === 3 && second !== undefined) {
    const rpc = parseHostPort(first)
    const http = parseHostPort(second)
    return rpc && http ? { service, rpc, http, dialect: 'goms' } : undefined
  }
  if (parts.length !== 2) return undefined
  const [host = '', httpPort = '', rpcPort = '', ...rest] = first.split(':')
  const http = toPort(httpPort)
  const rpc = toPort(rpcPort)
  if (!isIPv4(host) || !http || !rpc || rest.length > 0) return undefined
  return { service, rpc: { host, port: rpc }, http: { host, port: http }, dialect: 'go-garden' }
}

/** An IP address and a port as {@link toHostPort} writes them, or undefined. */
export function parseHostPort(text: string): Address | undefined {
  const colon = text.lastIndexOf(':')
  const port = toPort(text.slice(colon + 1))
  if (colon < 1 || !port) return undefined
  const host = text.slice(0, colon)
  if (isIPv4(host)) return { host, port }
  if (!host.startsWith('[') || !host.endsWith(']')) return undefined
  const bare = host.slice(1, -1)
  return isIPv6(bare) && !bare.includes('%') ? { host: bare, port } : undefined
}

function toPort(text: string): number | undefined {
  const port = PORT.test(text) ? Number(text) : 0
  return port > 0 && port < 65_536 ? port : undefined
}
