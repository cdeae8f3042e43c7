/** `goms dev <file>[:<nodes>] …`: many nodes in one terminal, one end for all of them. */
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stopOnSignals } from '../app/signals.ts'
import { type NodeCommand, type ReadyMessage, supervise } from '../app/supervisor.ts'
import { CONFIG_FLAGS } from '../config/flags.ts'
import { loadSettings } from '../config/load.ts'
import { systemClock } from '../core/clock.ts'
import { EXIT, GomsError } from '../core/errors.ts'
import { hostEmbedded } from '../registry/embedded.ts'
import { parseArguments } from './args.ts'
import { nodePrinter } from './node-output.ts'

/** More nodes of one file are a typing mistake on a development machine. */
const MOST_NODES = 50

export async function run(args: readonly string[]): Promise<number | undefined> {
  return dev(args)
}

export interface DevHints {
  /** A command that can be pasted once everything is ready, for the gateway at `host:port`. */
  tryIt?(gateway: string): string
  /** More arguments for the gateway. */
  readonly gatewayArgs?: readonly string[]
}

export async function dev(args: readonly string[], hints: DevHints = {}): Promise<undefined> {
  const beganMs = systemClock.now()
  const { flags, positionals } = parseArguments(args, CONFIG_FLAGS)
  if (positionals.length === 0) {
    throw new GomsError('GOMS_USAGE', 'dev: expected at least one service file, got none', {
      detail: { expected: 'goms dev <service file>[:<nodes>] …', fix: 'for example goms dev gateway.ts user.ts:3' },
    })
  }
  const commands = positionals.flatMap((positional) => nodesOf(positional, flagsOf(args, positionals), hints))
  const { settings } = await loadSettings({ flags })
  checkTogether(commands.length, flags, settings.registry.kind)
  const hosted =
    settings.registry.kind === 'embedded' ? await hostEmbedded({ port: settings.registry.embeddedPort }) : undefined
  const print = nodePrinter(commands.map((command) => command.label))
  const supervisor = supervise({
    script: fileURLToPath(new URL('./main.js', import.meta.url)),
    commands,
    env: process.env,
    clock: systemClock,
    print,
    ended: (label, how) => print(label, `ended: ${how}`),
  })
  // The registry's host is the last to go, so that nobody misses it while leaving.
  let stopping = false
  const stop = async (): Promise<void> => {
    stopping = true
    await supervisor.stop()
    await hosted?.close()
  }
  stopOnSignals(systemClock, stop)
  // npm's shell dies of a SIGTERM without passing it on: whoever is left without it stops too.
  if (process.env.npm_lifecycle_event !== undefined) whenOrphaned(() => stop().finally(() => process.exit(EXIT.OK)))
  try {
    const ready = await supervisor.ready()
    process.stdout.write(screen(ready, where(hosted?.port, settings), systemClock.now() - beganMs, hints))
    supervisor.catchUp()
  } catch (error) {
    // Who stopped it knows why it did not start.
    if (stopping) return undefined
    await stop()
    throw error
  }
  supervisor.done().then(async (well) => {
    await hosted?.close()
    process.exit(well ? EXIT.OK : EXIT.FAILED)
  })
  return undefined
}

/** What cannot be true of several nodes at once. */
function checkTogether(nodes: number, flags: Readonly<Record<string, unknown>>, registry: string): void {
  if (nodes < 2) return
  const port = ['http-port', 'rpc-port', 'admin-port'].find((name) => typeof flags[name] === 'number')
  if (port !== undefined && flags[port] !== 0) {
    const name = `-${port.replace('-', '_')}`
    throw new GomsError('GOMS_USAGE', `dev: ${name} ${flags[port]} cannot be the port of ${nodes} nodes`, {
      detail: { found: `${name} ${flags[port]}`, fix: 'leave it out, or start that node by itself with `goms start`' },
    })
  }
  if (registry === 'memory') {
    throw new GomsError('GOMS_USAGE', `dev: ${nodes} processes cannot see each other through the registry "memory"`, {
      detail: { found: 'registry: memory', expected: 'embedded or etcd', fix: 'leave `registry` out' },
    })
  }
}

/** Calls back once when the parent process is gone. */
function whenOrphaned(then: () => void): void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    then()
  }, 500)
  timer.unref()
}

function where(
  port: number | undefined,
  settings: { registry: { kind: string; endpoints: readonly string[] } },
): string {
  if (port !== undefined) return `the embedded registry 127.0.0.1:${port}`
  return settings.registry.kind === 'etcd' ? `etcd ${settings.registry.endpoints.join(', ')}` : settings.registry.kind
}

/** What is left of the arguments besides the files, for every node. */
function flagsOf(args: readonly string[], positionals: readonly string[]): readonly string[] {
  return args.filter((arg) => !positionals.includes(arg))
}

/** `services/user.ts:3` is three nodes, labelled user-1 to user-3. */
function nodesOf(positional: string, flags: readonly string[], hints: DevHints): readonly NodeCommand[] {
  const [, file = positional, count] = /^(.*?)(?::(\d+))?$/.exec(positional) ?? []
  const nodes = count === undefined ? 1 : Number(count)
  if (nodes < 1 || nodes > MOST_NODES) {
    throw new GomsError('GOMS_USAGE', `dev: expected 1 to ${MOST_NODES} nodes of ${file}, got ${nodes}`, {
      detail: { found: positional, expected: `<file>:<1 to ${MOST_NODES}>` },
    })
  }
  const name = basename(file).replace(/\.[^.]+$/, '')
  return Array.from({ length: nodes }, (_, i) => ({
    label: nodes === 1 ? name : `${name}-${i + 1}`,
    args: ['start', file, ...flags, ...(name === 'gateway' ? (hints.gatewayArgs ?? []) : [])],
  }))
}

/** The first screen: what runs, where, how long it took, and what to do next. */
function screen(ready: readonly ReadyMessage[], registry: string, tookMs: number, hints: DevHints): string {
  const lines = ['', `  goms: ${ready.length} nodes on ${registry}, ready in ${(tookMs / 1000).toFixed(2)} s`, '']
  for (const [service, nodes] of byService(ready)) {
    lines.push(`  ${service.padEnd(10)}${nodes.map((node) => `http://${node.http}`).join('  ')}`)
  }
  const gateway = ready.find((node) => node.service === 'gateway')
  if (gateway) lines.push(`  ${'cluster'.padEnd(10)}http://${gateway.http}/cluster`)
  if (gateway && hints.tryIt) lines.push('', `  try: ${hints.tryIt(gateway.http)}`)
  lines.push('', '  Ctrl-C stops everything', '')
  return `${lines.join('\n')}\n`
}

function byService(ready: readonly ReadyMessage[]): Map<string, ReadyMessage[]> {
  const groups = new Map<string, ReadyMessage[]>()
  for (const node of ready) groups.set(node.service, [...(groups.get(node.service) ?? []), node])
  return groups
}
