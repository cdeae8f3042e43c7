/** A worker: serves a gateway's HTTP port beside others, and has all that concerns the node from its primary. */
import { Server, Socket } from 'node:net'
import { atMost, connectionsGone } from '../core/bounded.ts'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import type { Address } from '../core/node.ts'
import type { Settings } from '../core/options.ts'
import type { GatewayDefinition } from '../gateway/gateway.ts'
import { createMirror, type Mirror } from '../registry/mirror.ts'
import type { Share } from '../resilience/share.ts'
import { createGatewayPort, type GatewayPort } from './http-port.ts'
import { type Channel, createChannel, type Handle, type Handlers, type Send } from './process-channel.ts'
import { loadServiceFile } from './service-file.ts'
import { inShare, openWorkerGateway, type WorkerGateway } from './worker-gateway.ts'
import { createWorkerLog, type WorkerLog } from './worker-log.ts'
import type { ListenOrder, LoadOrder, OpenOrder, Orders, Reports, WorkerReport } from './worker-protocol.ts'

/** For what is left when everything has been waited for. */
const CLOSE_MS = 1000

interface Loaded {
  readonly definition: GatewayDefinition
  readonly port: GatewayPort
  readonly share: Share
  /** Changed ones take their place. */
  settings: Settings
}

export class Worker {
  readonly channel: Channel<Reports>
  readonly log: WorkerLog
  readonly #clock: Clock
  readonly #mirror: Mirror
  readonly #exit: () => void
  #loaded: Loaded | undefined
  #gateway: WorkerGateway | undefined
  /** It was ready, and is not any more. */
  #leaving = false
  #ready = false
  #closing: Promise<void> | undefined

  /** @param exit ends the process */
  constructor(send: Send, clock: Clock, exit: () => void) {
    this.#clock = clock
    this.#exit = exit
    this.channel = createChannel<Orders, Reports>(send, this.#handlers(), clock)
    this.log = createWorkerLog(() => this.channel, clock)
    this.#mirror = createMirror((error) => this.log.error(`worker: a listener of the view failed: ${String(error)}`))
  }

  #handlers(): Handlers<Orders> {
    return {
      load: (order) => this.#load(order),
      open: (order) => this.#open(order),
      listen: (order, handle) => this.#listen(order, handle),
      handOver: () => this.#handOver(),
      connection: (_, handle) => {
        if (handle instanceof Socket) this.#loaded?.port.accept(handle)
      },
      view: (message) => this.#mirror.take(message),
      settings: (settings) => this.#apply(settings),
      ready: (ready) => {
        this.#leaving = !ready && (this.#leaving || this.#ready)
        this.#ready = ready
      },
      evidence: (evidence) => this.#gateway?.believe(evidence),
      report: () => this.#report(),
      metrics: () => this.#gateway?.metrics() ?? [],
      drain: (serveForMs) => this.#gateway?.door.drain(serveForMs),
      lastAnswers: () => this.#loaded?.port.drain(),
      idle: () => this.#gateway?.door.idle(),
      retire: (how) => this.#retire(how),
      close: (withinMs) => this.#close(withinMs),
    }
  }

  async #load({ file, settings, share }: LoadOrder): Promise<void> {
    const definition = await loadServiceFile(file, process.cwd())
    if (definition.kind !== 'gateway') throw new GomsError('GOMS_SERVICE_FILE', `${file}: only a gateway has workers`)
    // What all of them find in the same files is said once.
    const log = share.index === 0 ? this.log : silentLog
    const port = await createGatewayPort(inShare(settings, share), this.#clock, log)
    this.#loaded = { definition, settings, share, port }
  }

  get #must(): Loaded {
    if (this.#loaded === undefined) throw new GomsError('FAILED_PRECONDITION', 'worker: nothing is loaded')
    return this.#loaded
  }

  async #open({ view, kind, callKey, node, ready }: OpenOrder): Promise<void> {
    // Before anything else: what changes from now on may follow at once.
    for (const message of view) this.#mirror.take(message)
    this.#ready = ready
    const { definition, port, share, settings } = this.#must
    const { channel, log } = this
    const opened = await openWorkerGateway({
      ...{ definition, settings, share, kind, callKey, node, channel, log, mirror: this.#mirror, clock: this.#clock },
      ready: () => this.#ready,
      leaving: () => this.#leaving,
    })
    this.#gateway = opened
    if (this.#must.settings !== settings) opened.apply(this.#must.settings)
    port.open(opened.door)
  }

  #listen({ port, host, reusePort }: ListenOrder, handle: Handle | undefined): Promise<Address> {
    return this.#must.port.listen(port, host, { reusePort, from: handle instanceof Server ? handle : undefined })
  }

  /** The port stays bound by whoever takes it over, so that no connection is lost that waits to be accepted. */
  #handOver(): Promise<void> {
    const { port } = this.#must
    return new Promise((resolve) => {
      this.channel.tell('listener', undefined, port.server, () => {
        port.unlisten()
        resolve()
      })
    })
  }

  #apply(settings: Settings): void {
    this.#must.settings = settings
    this.#gateway?.apply(settings)
  }

  #report(): WorkerReport {
    const { door } = this.#gateway ?? {}
    return {
      connections: this.#loaded?.port.connections ?? 0,
      inFlight: door?.inFlight() ?? 0,
      sessions: door?.sessions() ?? 0,
      stats: this.#gateway?.stats() ?? [],
    }
  }

  async #retire({ drainMs, graceMs }: { readonly drainMs: number; readonly graceMs: number }): Promise<void> {
    const until = this.#clock.now() + graceMs
    const left = (): number => Math.max(0, until - this.#clock.now())
    const { port } = this.#must
    if (port.server.listening) port.unlisten()
    port.drain()
    this.#gateway?.door.drain(drainMs)
    // Who is idle now keeps the connection until its next answer: ending it would race with a request on its way.
    await connectionsGone(this.#clock, () => port.connections, left())
    await atMost(this.#clock, left(), this.#gateway?.door.idle() ?? Promise.resolve())
    await this.#close(0)
  }

  #close(withinMs: number): Promise<void> {
    this.#closing ??= (async () => {
      const port = this.#loaded?.port.close(withinMs) ?? Promise.resolve()
      const steps = port.then(() => this.#gateway?.close())
      await atMost(this.#clock, withinMs + CLOSE_MS, steps).catch(() => {})
      const metrics = (await this.#gateway?.metrics()) ?? []
      this.log.flush()
      this.channel.tell('last', { ...this.#report(), metrics }, undefined, this.#exit)
    })()
    return this.#closing
  }
}
