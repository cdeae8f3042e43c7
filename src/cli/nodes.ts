/** `goms nodes [service]`: who is registered, once or as it changes. */
import { EXIT_CODES } from '../app/signals.ts'
import type { NodeInfo } from '../core/node.ts'
import { toHostPort } from '../core/node.ts'
import type { View, ViewChange } from '../registry/registry.ts'
import { parseArguments } from './args.ts'
import { checkService, toTable, withCluster } from './onlooker.ts'
import { FLAGS_OF } from './tool-flags.ts'
import { usageMistake } from './usage.ts'

/** How often a screen is drawn while nothing changes: ages move on. */
const REDRAW_MS = 1000

export async function run(args: readonly string[]): Promise<number> {
  const { flags, positionals } = parseArguments(args, FLAGS_OF.nodes)
  if (positionals.length > 1) throw usageMistake('nodes', 'at most one service', positionals)
  const [service] = positionals
  const json = flags.json === true
  return withCluster(flags, async ({ cluster, settings }) => {
    const { view } = cluster.registry
    if (flags.watch === true) return watch(view, service, json)
    if (service !== undefined) checkService(view, service)
    const nodes = nodesOf(view, service)
    if (json) process.stdout.write(`${JSON.stringify(nodes.map(toRecord), null, 2)}\n`)
    else if (nodes.length > 0) process.stdout.write(tableOf(nodes))
    else process.stderr.write(`no node is registered in the project "${settings.project}"\n`)
    return 0
  })
}

function nodesOf(view: View, service: string | undefined): readonly NodeInfo[] {
  return (service === undefined ? view.services() : [service]).flatMap((name) => view.nodes(name))
}

/** Until a signal: on a terminal the table, drawn anew; else a line for each change, the first ones for who is there. */
function watch(view: View, service: string | undefined, json: boolean): Promise<number> {
  const screen = process.stdout.isTTY === true && !json
  const draw = (): void => void process.stdout.write(`\x1b[H\x1b[J${tableOf(nodesOf(view, service))}`)
  const tell = ({ type, node }: ViewChange): void => {
    if (service !== undefined && node.service !== service) return
    if (screen) draw()
    else process.stdout.write(json ? `${JSON.stringify({ type, node: toRecord(node) })}\n` : lineOf(type, node))
  }
  if (screen) draw()
  else for (const node of nodesOf(view, service)) tell({ type: 'join', node })
  const stop = view.subscribe(tell)
  const timer = screen ? setInterval(draw, REDRAW_MS) : undefined
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        clearInterval(timer)
        stop()
        resolve(EXIT_CODES[signal])
      })
    }
  })
}

function lineOf(type: ViewChange['type'], node: NodeInfo): string {
  const what = type === 'update' ? (node.draining ? 'draining' : 'update') : type
  return `${new Date().toISOString()}  ${what.padEnd(8)}  ${node.service}  ${node.name}\n`
}

const HEAD = ['SERVICE', 'NODE', 'HTTP', 'RPC', 'VERSION', 'AGE', 'CONTRACT', 'STATE', 'DIALECT'] as const

function tableOf(nodes: readonly NodeInfo[]): string {
  const nowMs = Date.now()
  const rows = nodes.map((node) => [
    node.service,
    // Nodes that tell nothing of themselves have an id that only repeats their addresses.
    node.startedAtMs === undefined ? '-' : node.id.slice(0, 8),
    toHostPort(node.http),
    node.protocols.includes('rpc') ? toHostPort(node.rpc) : '-',
    node.version ?? '-',
    node.startedAtMs === undefined ? '-' : ageOf(nowMs - node.startedAtMs),
    node.contract?.slice(0, 8) ?? '-',
    node.draining ? 'draining' : 'up',
    node.dialect,
  ])
  return toTable([HEAD, ...rows])
}

/** `42s`, `3m`, `2h`, `5d`; clocks of two machines may differ. */
export function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}

function toRecord(node: NodeInfo): Readonly<Record<string, unknown>> {
  const { service, id, name, protocols, version, zone, startedAtMs, contract, weight, draining, admin, dialect } = node
  return {
    ...{ service, id, name, http: toHostPort(node.http), rpc: toHostPort(node.rpc), protocols, version, zone },
    ...{ startedAtMs, contract, weight, draining, admin, dialect, key: node.key },
  }
}
