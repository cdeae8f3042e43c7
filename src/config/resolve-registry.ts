/** Which registry a process uses: `registry`, `etcdAddr` and their flags and variables brought together. */
import type { RegistryOptions } from '../core/options.ts'
import { didYouMean } from './did-you-mean.ts'
import { splitList } from './flags.ts'
import { nameOfOrigin, type Origin, shown } from './mistake.ts'
import type { ConfigFile } from './shape.ts'
import { originOf, type Tree } from './tree.ts'

const DEFAULT_ETCD_PORT = 2379
const EXPECTED = 'memory, embedded, or etcd://[user:password@]host:port,host:port'

/** The registry, and whether anybody chose it. Mistakes go into the tree. */
export interface ChosenRegistry {
  readonly options: RegistryOptions
  readonly chosen: boolean
}

interface Etcd {
  endpoints: readonly string[]
  user?: string
  password?: string
  tls?: boolean
}

export function resolveRegistry(tree: Tree, file: ConfigFile, warnings: string[]): ChosenRegistry {
  const { kind, etcd, chosen } = choose(tree, file, warnings)
  const user = file.etcdUser ?? etcd.user
  const password = file.etcdPassword ?? etcd.password
  if (kind === 'etcd' && (user === undefined) !== (password === undefined)) {
    const path = file.etcdUser === undefined ? ['etcdPassword'] : ['etcdUser']
    tree.mistakes.push({
      code: 'GOMS_CONFIG_INVALID',
      message: `etcd: a ${user === undefined ? 'password without a user' : 'user without a password'}`,
      origin: originOf(tree, path) ?? originOf(tree, ['registry']),
      fix: ['set both, etcdUser and etcdPassword, or neither'],
    })
  }
  return {
    chosen,
    options: {
      kind,
      endpoints: etcd.endpoints,
      user,
      password,
      tls: file.etcdTls ?? (etcd.tls === true ? {} : undefined),
      embeddedPort: file.embeddedPort ?? 24_379,
      dialect: file.registryDialect ?? 'goms',
      leaseTtlMs: file.leaseTtl ?? 10_000,
      connectTimeoutMs: file.registryTimeout ?? 10_000,
    },
  }
}

function choose(
  tree: Tree,
  file: ConfigFile,
  warnings: string[],
): { kind: RegistryOptions['kind']; etcd: Etcd; chosen: boolean } {
  const none: Etcd = { endpoints: [] }
  const registry = file.registry
  const addresses = file.etcdAddr === undefined ? undefined : etcdAddr(tree, file.etcdAddr)
  const byRegistry = rank(originOf(tree, ['registry']))
  const byAddress = rank(originOf(tree, ['etcdAddr']))
  const given = addresses !== undefined && addresses.endpoints.length > 0
  if (registry === undefined || (given && byAddress > byRegistry)) {
    return given ? { kind: 'etcd', etcd: addresses, chosen: true } : { kind: 'embedded', etcd: none, chosen: false }
  }
  if (registry === 'memory' || registry === 'embedded') {
    if (given && byAddress === byRegistry) warnings.push(`registry: ${registry} is used, etcdAddr is not`)
    return { kind: registry, etcd: none, chosen: true }
  }
  if (registry === 'etcd') {
    if (given) return { kind: 'etcd', etcd: addresses, chosen: true }
    wrong(tree, 'etcd without an address', ['write registry: etcd://host:2379, or add etcdAddr'])
    return { kind: 'etcd', etcd: none, chosen: true }
  }
  const etcd = parseRegistryUrl(registry)
  if (etcd === undefined) {
    const near = didYouMean(registry, ['memory', 'embedded', 'etcd'])
    wrong(
      tree,
      `expected \`${nameOfOrigin(originOf(tree, ['registry']), ['registry'])}\` to be ${EXPECTED}, got ${shown(registry)}`,
      [],
      near,
    )
    return { kind: 'etcd', etcd: none, chosen: true }
  }
  if (given && byAddress === byRegistry) {
    tree.mistakes.push({
      code: 'GOMS_CONFIG_DUPLICATE',
      message: 'the address of etcd is given twice, in registry and in etcdAddr',
      origin: originOf(tree, ['etcdAddr']),
      at: 'key',
      fix: ['keep one of the two'],
    })
  }
  return { kind: 'etcd', etcd, chosen: true }
}

function wrong(tree: Tree, message: string, fix: readonly string[], near?: string): void {
  const origin = originOf(tree, ['registry'])
  tree.mistakes.push({
    code: origin?.kind === 'flag' ? 'GOMS_USAGE' : 'GOMS_CONFIG_INVALID',
    message,
    origin,
    label: near === undefined ? undefined : `did you mean "${near}"?`,
    expected: EXPECTED,
    fix,
  })
}

/** A flag outranks a variable, a variable a file. */
function rank(origin: Origin | undefined): number {
  return origin === undefined ? 0 : origin.kind === 'file' ? 1 : origin.kind === 'env' ? 2 : 3
}

/** `etcd://user:p%40ss@10.0.0.1:2379,10.0.0.2:2379`; `etcds://` is with TLS. Undefined: it is nothing of that kind. */
export function parseRegistryUrl(text: string): Etcd | undefined {
  const match = /^etcd(s?):\/\/(?:([^/]*)@)?([^/@]+)\/?$/.exec(text)
  if (match === null) return undefined
  const endpoints = splitList(match[3] ?? '').map(parseEndpoint)
  if (endpoints.length === 0 || endpoints.includes(undefined)) return undefined
  const etcd: Etcd = { endpoints: endpoints as string[] }
  if (match[1] === 's') etcd.tls = true
  if (match[2] !== undefined) {
    const colon = match[2].indexOf(':')
    if (colon < 1) return undefined
    try {
      etcd.user = decodeURIComponent(match[2].slice(0, colon))
      etcd.password = decodeURIComponent(match[2].slice(colon + 1))
    } catch {
      return undefined
    }
  }
  return etcd
}

function etcdAddr(tree: Tree, value: string | readonly string[]): Etcd {
  const endpoints: string[] = []
  let tls = false
  const lists = typeof value === 'string' ? [value] : value
  lists.forEach((list, i) => {
    for (const text of splitList(list)) {
      const endpoint = parseEndpoint(text)
      if (endpoint !== undefined) {
        if (!endpoints.includes(endpoint)) endpoints.push(endpoint)
        tls ||= text.startsWith('https://')
        continue
      }
      const origin = originOf(tree, typeof value === 'string' ? ['etcdAddr'] : ['etcdAddr', String(i)])
      tree.mistakes.push({
        code: origin?.kind === 'flag' ? 'GOMS_USAGE' : 'GOMS_CONFIG_INVALID',
        message: `expected \`${nameOfOrigin(origin, ['etcdAddr'])}\` to be host:port, got ${shown(text)}`,
        origin,
        expected: 'host:port',
        found: text,
        fix: ['for example 127.0.0.1:2379; a cluster is a list, or 10.0.0.1:2379|10.0.0.2:2379'],
      })
    }
  })
  return tls ? { endpoints, tls } : { endpoints }
}

/** `host:port` of an address that may carry a scheme, or undefined. The port may be left out. */
export function parseEndpoint(text: string): string | undefined {
  const match = /^(?:https?:\/\/)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*))(?::(\d{1,5}))?\/?$/.exec(text)
  if (match === null) return undefined
  const port = match[2] === undefined ? DEFAULT_ETCD_PORT : Number(match[2])
  return port >= 1 && port <= 65_535 ? `${match[1]}:${port}` : undefined
}
