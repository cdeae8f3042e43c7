/** A cluster of goms processes for system tests: configuration, ports, histories, and one call to be rid of it all. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EtcdCluster } from './etcd.ts'
import type { Executed } from './judge.ts'
import { type Exit, freePort, type Running, startGoms } from './processes.ts'

const fixtures: string = join(import.meta.dirname, '..', 'fixtures')

/** Where the cluster registers, as flags of the command line. */
export interface Backend {
  readonly args: readonly string[]
}

export interface ClusterOptions {
  readonly backend: Backend
  /** Lines for config.yml beside project and key. */
  readonly config?: string
  /** Whole services.yml. @default the echo service's one action */
  readonly services?: string
}

export interface Member {
  readonly process: Running
  readonly name: string
  readonly httpPort: number
  readonly rpcPort: number
  /** `http://127.0.0.1:<httpPort>` */
  readonly url: string
  /** `<rpcAddress>_<httpAddress>` as lines and `/cluster` show it. */
  readonly node: string
  /** From starting the process to its first `/-/ready` with 200. */
  readonly readyAfterMs: number
}

export interface StartOptions {
  /** @default name without digits at its end */
  readonly service?: string
  /** File of the fixture. @default 'echo.mjs' */
  readonly fixture?: string
  readonly httpPort?: number
  readonly rpcPort?: number
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
}

export interface Cluster {
  readonly dir: string
  /** Starts a gateway and waits until it is ready. */
  gateway(name: string, options?: StartOptions): Promise<Member>
  /** Starts a node of the echo service and waits until it is ready. */
  node(name: string, options?: StartOptions): Promise<Member>
  /** Stops it (SIGTERM), and starts the same on the same ports. */
  restart(member: Member): Promise<{ readonly exit: Exit; readonly member: Member }>
  /** What the nodes ran, as they wrote it down. */
  executed(): Executed[]
  /** Stops all that run, all at once, and removes the files. */
  close(): Promise<Exit[]>
}

export function createCluster(options: ClusterOptions): Cluster {
  const dir = mkdtempSync(join(tmpdir(), 'goms-cluster-'))
  const configs = join(dir, 'configs')
  const histories = join(dir, 'histories')
  mkdirSync(configs)
  mkdirSync(histories)
  const config = ['projectName: goms', 'callServiceKey: "a key for the tests"', 'advertise: { host: 127.0.0.1 }']
  writeFileSync(join(configs, 'config.yml'), `${[...config, options.config ?? ''].join('\n')}\n`)
  writeFileSync(join(configs, 'services.yml'), options.services ?? 'services:\n  echo:\n    echo: /echo\n')
  const live = new Map<string, { member: Member; again: () => Promise<Member> }>()

  const start = async (file: string, name: string, given: StartOptions): Promise<Member> => {
    const httpPort = given.httpPort ?? (await freePort())
    const rpcPort = given.rpcPort ?? (await freePort())
    const ports = ['-http_port', String(httpPort), '-rpc_port', String(rpcPort)]
    const began = performance.now()
    const process = startGoms(
      ['start', file, ...ports, '-configs', configs, ...options.backend.args, ...(given.args ?? [])],
      {
        name,
        cwd: dir,
        env: {
          GOMS_TEST_NODE: name,
          GOMS_TEST_SERVICE: given.service ?? name.replace(/\d+$/, ''),
          GOMS_TEST_HISTORY: join(histories, name),
          GOMS_LB_DRAIN: '0',
          ...given.env,
        },
      },
    )
    const url = `http://127.0.0.1:${httpPort}`
    await untilReady(url, process)
    const node = `127.0.0.1:${rpcPort}_127.0.0.1:${httpPort}`
    const member: Member = { process, name, httpPort, rpcPort, url, node, readyAfterMs: performance.now() - began }
    live.set(name, { member, again: () => start(file, name, { ...given, httpPort, rpcPort }) })
    return member
  }

  return {
    dir,
    gateway: (name, given = {}) => start(join(fixtures, 'gateway.mjs'), name, given),
    node: (name, given = {}) => start(join(fixtures, given.fixture ?? 'echo.mjs'), name, given),
    async restart(member) {
      const again = live.get(member.name)?.again
      if (again === undefined) throw new Error(`restart: ${member.name} is not of this cluster`)
      const exit = await member.process.stop()
      return { exit, member: await again() }
    },
    executed: () =>
      readdirSync(histories).flatMap((name) =>
        readFileSync(join(histories, name), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => {
            const [id, node, atMs] = line.split(' ') as [string, string, string]
            return { id, node, atMs: Number(atMs) }
          }),
      ),
    async close() {
      const exits = await Promise.all([...live.values()].map(({ member }) => member.process.stop(5000)))
      rmSync(dir, { recursive: true, force: true })
      return exits
    },
  }
}

/** Asks `/-/ready` until it says 200. @throws Error with the process's lines when it ends before, or after 10 s */
export async function untilReady(url: string, process: Running, timeoutMs = 10_000): Promise<void> {
  let ended: Exit | undefined
  void process.exited.then((exit) => {
    ended = exit
  })
  const until = performance.now() + timeoutMs
  while (!ended && performance.now() < until) {
    const status = await fetch(`${url}/-/ready`).then(
      (response) => response.status,
      () => 0,
    )
    if (status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const why = ended ? `ended (${ended.signal ?? `exit ${ended.code}`})` : `not ready after ${timeoutMs} ms`
  throw new Error(`${process.name}: ${why}:\n${process.text()}`)
}

/**
 * Watches for a line that each of them is yet to print. Begin before the event; resolves with the wall-clock time at
 * which the last of them printed it.
 */
export async function allPrint(members: readonly Member[], pattern: RegExp, timeoutMs = 5000): Promise<number> {
  const found = await Promise.all(
    members.map(({ process }) => process.waitForLine(pattern, timeoutMs, process.lines.length)),
  )
  return Math.max(...found.map(({ line }) => line.atMs))
}

/** The line that tells of a node's coming or going. */
export function nodeLine(service: string, node: string, what: 'join' | 'leave'): RegExp {
  return new RegExp(`\\[${service}\\] node \\[${node.replaceAll('.', '\\.')}\\] ${what}$`)
}

/** Keys under a prefix, as `etcdctl` lists them. */
export async function keysIn(etcd: EtcdCluster, prefix: string): Promise<string[]> {
  const text = await etcd.etcdctl('get', '--prefix', '--keys-only', prefix)
  return text.split('\n').filter((line) => line !== '')
}
