/** Moves what go-garden's files say under `service:` to our keys, so that they load as they are. */
import { twice } from './key-mistakes.ts'
import { type Origin, placeOfOrigin } from './mistake.ts'
import { pathKey, type Tree } from './tree.ts'

/** go-garden's key → ours. */
const MOVES: Readonly<Record<string, readonly string[]>> = {
  serviceIp: ['advertise', 'host'],
  httpPort: ['httpPort'],
  rpcPort: ['rpcPort'],
  callKey: ['callServiceKey'],
  callRetry: ['callRetry'],
  etcdKey: ['projectName'],
  etcdAddress: ['etcdAddr'],
  zipkinAddress: ['zipkinAddr'],
  amqpAddress: ['amqpAddr'],
  debug: ['debug'],
}

const IGNORED: Readonly<Record<string, string>> = {
  jaegerAddress: 'Jaeger takes Zipkin’s format on its own port 9411: write its address as `zipkinAddr`',
  pushGatewayAddress: 'metrics are offered at /metrics of the admin listener and fetched from there',
}

/** The tree's `service` block taken apart; returns what is to be said about it. Without such a block it does nothing. */
export function moveGarden(tree: Tree): string[] {
  const service = tree.value.service
  delete tree.value.service
  if (typeof service !== 'object' || service === null) return []
  const block = service as Record<string, unknown>
  const warnings: string[] = []
  for (const [name, path] of Object.entries(MOVES)) {
    if (block[name] !== undefined) move(tree, ['service', name], block[name], path)
  }
  if (block.allowCors === true) move(tree, ['service', 'allowCors'], true, ['gateway', 'cors'])
  // They listen on the node's own address, or on all of them where one of the two ports is let "out".
  const open = block.httpOut === true ? 'httpOut' : block.rpcOut === true ? 'rpcOut' : undefined
  if (open !== undefined) move(tree, ['service', open], '0.0.0.0', ['host'])
  else if (block.serviceIp !== undefined) move(tree, ['service', 'serviceIp'], block.serviceIp, ['host'])
  for (const [name, why] of Object.entries(IGNORED)) {
    if (block[name] !== undefined) warnings.push(`${place(tree, name)}: ${name} is ignored: ${why}`)
  }
  const drive = block.tracerDrive
  if (drive !== undefined && String(drive).toLowerCase() !== 'zipkin') {
    warnings.push(
      `${place(tree, 'tracerDrive')}: tracerDrive: ${String(drive)} is ignored: traces go to Zipkin, or to what takes its format`,
    )
  }
  // Their nodes and ours must find each other: the keys in etcd are written their way.
  if (tree.value.registryDialect === undefined) tree.value.registryDialect = 'go-garden'
  return warnings
}

function place(tree: Tree, name: string): string {
  const origin = tree.origins.get(pathKey(['service', name]))
  return origin === undefined ? 'service' : placeOfOrigin(origin, 'key')
}

function move(tree: Tree, from: readonly string[], value: unknown, to: readonly string[]): void {
  const origin = tree.origins.get(pathKey(from)) as Origin
  const before = tree.origins.get(pathKey(to))
  const last = to.at(-1) as string
  let into = tree.value
  for (const name of to.slice(0, -1)) {
    into[name] ??= {}
    into = into[name] as Record<string, unknown>
  }
  if (into[last] !== undefined && before !== undefined) {
    tree.mistakes.push(twice(to.join('.'), before, origin, `the same as ${to.join('.')}`))
    return
  }
  into[last] = value
  tree.origins.set(pathKey(to), origin)
  if (Array.isArray(value)) {
    value.forEach((_, i) => {
      const item = tree.origins.get(pathKey([...from, String(i)]))
      if (item !== undefined) tree.origins.set(pathKey([...to, String(i)]), item)
    })
  }
}
