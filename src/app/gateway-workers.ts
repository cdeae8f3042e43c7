/** A gateway whose HTTP port is served by workers: to its node they are one port, and one door behind it. */
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { ProcessLog } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import { followView, snapshotOf } from '../registry/mirror.ts'
import { canReusePort } from '../transport/reuse-port.ts'
import type { Cluster } from './cluster.ts'
import type { WorkersDoor } from './door.ts'
import type { HttpPort } from './http-port.ts'
import { noRpc } from './no-rpc.ts'
import { workerStarter } from './worker-process.ts'
import type { Evidence, StatsList } from './worker-protocol.ts'
import { Workers } from './workers.ts'

export interface GatewayWorkers {
  readonly port: HttpPort
  /** @param name of the node */
  door(cluster: Cluster, name: string, ready: () => boolean): WorkersDoor
  /** Takes changed settings. */
  update(settings: Settings): void
  /** Hard evidence that this process found. */
  tell(evidence: Evidence): void
  /** Replaces them one after the other, without losing a request. */
  restart(): Promise<void>
}

/** How many processes serve a gateway's port; 1: this one. */
export function workerCount({ gateway }: Settings): number {
  return gateway.workers === 'auto' ? availableParallelism() : gateway.workers
}

export interface GatewayWorkersDeps {
  readonly file: string | URL
  readonly settings: Settings
  readonly clock: Clock
  readonly log: ProcessLog
  /** Whether numbers of the node of that name are still of interest. */
  showsNode(name: string): boolean
}

export async function createGatewayWorkers(deps: GatewayWorkersDeps): Promise<GatewayWorkers> {
  const { clock, log } = deps
  let { settings } = deps
  let cluster: Cluster | undefined
  let node = ''
  let isReady: () => boolean = () => false
  let stopFollowing: () => void = () => {}
  const sharing = (await canReusePort()) ? 'reuse-port' : 'cluster'
  const workers = new Workers({
    ...{ count: workerCount(settings), sharing, clock, log, start: workerStarter(sharing, clock) },
    file: deps.file instanceof URL ? fileURLToPath(deps.file) : deps.file,
    settings: () => settings,
    order() {
      if (cluster === undefined) return undefined
      const { registry, callKey } = cluster
      return { kind: registry.kind, callKey, node, view: snapshotOf(registry.view), ready: isReady() }
    },
    evidence: ({ node, transport }) => cluster?.mesh.hardEvidence(node, transport),
    showsNode: deps.showsNode,
    gather: () => running.numbers.gather(ownStats(cluster), (service) => nodesOf(cluster, service)),
  })
  const { running } = workers
  const port: HttpPort = {
    get connections() {
      return running.numbers.connections()
    },
    async listen(number, host) {
      const address = await workers.listen(number, host)
      log.info(`${workerCount(settings)} workers share the port, ${SHARED[sharing]}`)
      return address
    },
    // The door is opened in the workers, by its start.
    open() {},
    drain() {
      running.tell('lastAnswers', undefined)
      running.numbers.hurry()
    },
    close: (timeoutMs) => workers.close(timeoutMs),
  }

  async function start(): Promise<void> {
    if (cluster !== undefined) {
      stopFollowing = followView(cluster.registry.view, (message) => running.tell('view', message))
    }
    await workers.open()
  }

  return {
    port,
    door(joined, name, ready) {
      cluster = joined
      node = name
      isReady = ready
      return {
        ...{ kind: 'workers', rpc: noRpc, protocols: ['http'], contract: undefined, start },
        drain: (serveForMs) => running.tell('drain', serveForMs),
        inFlight: () => running.numbers.sum('inFlight'),
        sessions: () => running.numbers.sum('sessions'),
        idle: () => running.idle(settings.terminationGraceMs),
        close: async () => stopFollowing(),
        tellReady: (is) => running.tell('ready', is),
        workers: () => workers.status(),
        workerMetrics: () => running.metrics.gather(),
      }
    },
    update(changed) {
      settings = changed
      running.tell('settings', changed)
    },
    tell: (evidence) => running.tell('evidence', evidence),
    restart: () => workers.restart(),
  }
}

const SHARED = {
  'reuse-port': 'connections distributed by the system',
  cluster: 'connections dealt out by the primary',
} as const

/** Of calls that services of this process made. */
function ownStats(cluster: Cluster | undefined): StatsList {
  return cluster?.registry.view.services().map((name) => [name, cluster.mesh.stats(name)] as const) ?? []
}

function nodesOf(cluster: Cluster | undefined, service: string): number {
  return cluster?.registry.view.nodes(service).length ?? 0
}

interface Given {
  readonly file: string | URL | undefined
  readonly gateways: number
  readonly use: unknown
  readonly balancers: unknown
}

/**
 * The file that workers load.
 * @throws GomsError GOMS_OPTION_INVALID for what cannot be handed to other processes, before anything is started
 */
export function fileForWorkers(given: Given): string | URL {
  const wrong = mistakeOf(given)
  if (wrong === undefined && given.file !== undefined) return given.file
  const [found, fix] = wrong ?? NO_FILE
  throw new GomsError(
    'GOMS_OPTION_INVALID',
    `workers: more than one needs a gateway that each can load, got ${found}`,
    {
      detail: { found, expected: 'one gateway, in a file of its own', fix },
    },
  )
}

type Wrong = readonly [found: string, fix: readonly string[]]

const NO_FILE: Wrong = [
  'one that a script gave to serve(…)',
  ['start it with `goms start gateway.ts`', 'or say where it is: serve(gateway, { gatewayFile })'],
]

function mistakeOf(given: Given): Wrong | undefined {
  if (given.gateways > 1)
    return [`${given.gateways} gateways in one process`, ['start each by itself: goms start <file>']]
  const option = given.use ? 'use' : given.balancers ? 'balancers' : undefined
  return option && [`serve(…, { ${option} })`, [`give it to the gateway instead: gateway({ ${option} })`]]
}
