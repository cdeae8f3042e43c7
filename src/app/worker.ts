/** A worker: serves a gateway's HTTP port beside others, and has all that concerns the node from its primary. */
import { Server, Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { createDeadlineSweep } from '../core/deadline-sweep.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Address } from '../core/node.ts'
import type { Settings } from '../core/options.ts'
import { setRunning } from '../core/running.ts'
import type { GatheredStats } from '../gateway/cluster.ts'
import type { GatewayDefinition } from '../gateway/gateway.ts'
import { createMirror, createMirrorRegistry, type Mirror } from '../registry/mirror.ts'
import { type Share, shareOf, WHOLE } from '../resilience/share.ts'
import { atMost, connectionsGone } from './bounded.ts'
import { type Cluster, createClusterOf, overSockets } from './cluster.ts'
import { createDoor } from './create-door.ts'
import type { DoorParts } from './door.ts'
import { createGatewayPort, type GatewayPort } from './http-port.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import { type Channel, createChannel, type Handle, type Handlers, type Send } from './process-channel.ts'
import { loadServiceFile } from './service-file.ts'
import type { ListenOrder, LoadOrder, OpenOrder, Orders, Reports, StatsList, WorkerReport } from './worker-protocol.ts'

/** For the sums of all workers, which the primary waits for itself; then a worker shows its own. */
const GATHER_MS = 500
/** For what is left when everything has been waited for. */
const CLOSE_MS = 1000

interface Loaded {
  readonly definition: GatewayDefinition
  readonly port: GatewayPort
  readonly share: Share
}

interface Opened {
  readonly cluster: Cluster
  readonly outbound: Outbound
  readonly parts: DoorParts
}

export class Worker {
  readonly channel: Channel<Reports>
  readonly log: Log
  readonly #clock: Clock
  readonly #mirror: Mirror
  readonly #exit: () => void
  #settings: Settings | undefined
  #loaded: Loaded | undefined
  #opened: Opened | undefined
  #ready = false
  #closing: Promise<void> | undefined

  /** @param exit ends the process */
  constructor(send: Send, clock: Clock, exit: () => void) {
    this.#clock = clock
    this.#exit = exit
    this.channel = createChannel<Orders, Reports>(send, this.#handlers(), clock)
    this.log = logOver(this.channel)
    this.#mirror = createMirror((error) => this.log.error(`worker: a listener of the view failed: ${String(error)}`))
  }

  #handlers(): Handlers<Orders> {
    return {
      load: (order) => this.#load(order),
      open: (order) => this.#open(order),
      listen: (order, handle) => this.#listen(order, handle),
      handOver: () => this.#handOver(),
      connection: (_, handle) => {
        if (handle instanceof Socket) this.#port.accept(handle)
      },
      view: (message) => this.#mirror.take(message),
      settings: (settings) => this.#apply(settings),
      ready: (ready) => {
        this.#ready = ready
      },
      evidence: ({ node, transport }) => this.#opened?.cluster.mesh.hardEvidence(node, transport),
      report: () => this.#report(),
      drain: (serveForMs) => this.#opened?.parts.door.drain(serveForMs),
      lastAnswers: () => this.#loaded?.port.drain(),
      idle: () => this.#opened?.parts.door.idle(),
      retire: (how) => this.#retire(how),
      close: (withinMs) => this.#close(withinMs),
    }
  }

  async #load({ file, settings, share }: LoadOrder): Promise<void> {
    this.#settings = settings
    const definition = await loadServiceFile(file, process.cwd())
    if (definition.kind !== 'gateway') throw new GomsError('GOMS_SERVICE_FILE', `${file}: only a gateway has workers`)
    this.#loaded = { definition, share, port: await createGatewayPort(settings, this.#clock) }
  }

  get #port(): GatewayPort {
    if (this.#loaded === undefined) throw new GomsError('FAILED_PRECONDITION', 'worker: nothing is loaded')
    return this.#loaded.port
  }

  #listen({ port, host, reusePort }: ListenOrder, handle: Handle | undefined): Promise<Address> {
    return this.#port.listen(port, host, { reusePort, from: handle instanceof Server ? handle : undefined })
  }

  async #open({ view, kind, callKey, ready }: OpenOrder): Promise<void> {
    // Before anything else: what changes from now on may follow at once.
    for (const message of view) this.#mirror.take(message)
    this.#ready = ready
    const { definition, port, share = WHOLE } = this.#loaded ?? {}
    const settings = this.#settings
    if (definition === undefined || port === undefined || settings === undefined) return
    const { log } = this
    const clock = this.#clock
    const connections = shareOf(settings.gateway.maxConnectionsPerNode, share)
    const gateway = { ...settings.gateway, maxConnectionsPerNode: connections }
    const cluster = createClusterOf(
      {
        ...{ settings, clock, share, balancers: definition.balancers, use: definition.use },
        onHardEvidence: (node, transport) => this.channel.tell('evidence', { node, transport }),
      },
      {
        registry: createMirrorRegistry(kind, this.#mirror),
        callKey,
        ...overSockets({ ...settings, gateway }, clock),
        callClock: createDeadlineSweep(clock),
      },
    )
    const outbound = createOutbound(cluster, settings, definition.name)
    this.#announceRunning(settings, outbound)
    const parts = await createDoor({
      ...{ definition, settings, cluster, outbound, log, clock, nodeId: '' },
      ready: () => this.#ready,
      gather: () => this.#gather(cluster),
    })
    await parts.door.start()
    this.#opened = { cluster, outbound, parts }
    if (this.#settings !== settings) this.#apply(this.#settings ?? settings)
    port.open(parts.door)
  }

  #announceRunning(settings: Settings, outbound: Outbound): void {
    setRunning({
      settings,
      fetchAction: (service, action, request) => outbound.fetchAction(service, action, request),
      callMethod: (ref, input, options) => outbound.callMethod(ref, input, options),
    })
  }

  #apply(settings: Settings): void {
    this.#settings = settings
    if (this.#opened === undefined) return
    const { cluster, outbound, parts } = this.#opened
    cluster.mesh.update(settings.balance)
    parts.update(settings)
    outbound.update(settings)
    this.#announceRunning(settings, outbound)
  }

  async #gather({ mesh }: Cluster): Promise<GatheredStats> {
    try {
      const { stats, partial } = await this.channel.ask('gather', undefined, { boundMs: GATHER_MS })
      const sums = new Map(stats)
      return { of: (service) => sums.get(service) ?? mesh.stats(service), partial }
    } catch {
      return { of: (service) => mesh.stats(service), partial: true }
    }
  }

  #report(): WorkerReport {
    const { parts, cluster } = this.#opened ?? {}
    const stats: StatsList = cluster ? this.#mirror.services().map((name) => [name, cluster.mesh.stats(name)]) : []
    return {
      connections: this.#loaded?.port.connections ?? 0,
      inFlight: parts?.door.inFlight() ?? 0,
      sessions: parts?.door.sessions() ?? 0,
      stats,
    }
  }

  /** The port stays bound by whoever takes it over, so that no connection is lost that waits to be accepted. */
  #handOver(): Promise<void> {
    const port = this.#port
    return new Promise((resolve) => {
      this.channel.tell('listener', undefined, port.server, () => {
        port.unlisten()
        resolve()
      })
    })
  }

  async #retire({ drainMs, graceMs }: { readonly drainMs: number; readonly graceMs: number }): Promise<void> {
    const until = this.#clock.now() + graceMs
    const left = (): number => Math.max(0, until - this.#clock.now())
    const { port } = this.#loaded ?? {}
    if (port?.server.listening) port.unlisten()
    port?.drain()
    this.#opened?.parts.door.drain(drainMs)
    // Who is idle now keeps the connection until its next answer: ending it would race with a request on its way.
    await connectionsGone(this.#clock, () => port?.connections ?? 0, left())
    await atMost(this.#clock, left(), this.#opened?.parts.door.idle() ?? Promise.resolve())
    await this.#close(0)
  }

  #close(withinMs: number): Promise<void> {
    this.#closing ??= (async () => {
      const steps = async (): Promise<void> => {
        await this.#loaded?.port.close(withinMs)
        await this.#opened?.parts.door.close()
        this.#opened?.outbound.close()
        await this.#opened?.cluster.close()
      }
      await atMost(this.#clock, withinMs + CLOSE_MS, steps()).catch(() => {})
      this.channel.tell('last', this.#report(), undefined, this.#exit)
    })()
    return this.#closing
  }
}

/** Lines go to the primary, which has the log's files and its format. */
function logOver(channel: Channel<Reports>): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error'): Log['info'] =>
    (message, fields) =>
      channel.tell('log', { level, message, fields })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
