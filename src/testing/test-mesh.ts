/** A whole mesh in one process, for tests: the stack of production, without ports, files or a registry of its own. */
import { createClusterOf } from '../app/cluster.ts'
import { createComponents } from '../app/components.ts'
import { createEvents } from '../app/events.ts'
import { createOutbound, type Outbound } from '../app/outbound.ts'
import { createTracing, type SpanOutlet } from '../app/tracing.ts'
import { setUserLog } from '../app/user-log.ts'
import { resolveSettings } from '../config/resolve.ts'
import type { ConfigFile } from '../config/shape.ts'
import type { ClientOf } from '../contract/client.ts'
import type { Contract } from '../contract/shape.ts'
import { systemClock } from '../core/clock.ts'
import type { CallContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import { type Log, silentLog } from '../core/log.ts'
import type { NodeInfo } from '../core/node.ts'
import type { RegistryOptions, Settings } from '../core/options.ts'
import { setRunning } from '../core/running.ts'
import type { Span } from '../core/span.ts'
import { type GatewayDefinition, gateway } from '../gateway/gateway.ts'
import { clientOver } from '../mesh/client.ts'
import { createMemoryRegistry } from '../registry/memory.ts'
import { createStore } from '../registry/store.ts'
import { servingService } from '../service/context.ts'
import type { ServiceDefinition } from '../service/service.ts'
import { newTrace } from '../telemetry/trace-context.ts'
import { createHttpUpstream } from '../transport/http-upstream.ts'
import { createRpcUpstream } from '../transport/rpc-upstream.ts'
import { createFaults, type Fault, type FaultOptions } from './faults.ts'
import { fetchFrom } from './fetch.ts'
import { createMemoryNetwork } from './memory-network.ts'
import { actionsOf, type MeshNode, startMeshNode } from './mesh-node.ts'
import type { MockedComponent } from './mock.ts'
import { createVirtualClock, settle } from './virtual-clock.ts'

export interface TestMeshOptions {
  /**
   * Services and mocks; one that is listed twice has two nodes. Components are started as in production, but for those that
   * `mock(component, value)` stands in for.
   */
  readonly services: readonly (ServiceDefinition | MockedComponent)[]
  /** What `fetch` goes through. @default gateway() */
  readonly gateway?: GatewayDefinition
  /** What `config.yml` and `services.yml` would say. */
  readonly settings?: ConfigFile
  /** `virtual`: time stands still until `advance`. @default 'system' */
  readonly clock?: 'system' | 'virtual'
  /** Traces are recorded, and `spans` shows them; which ones `settings.trace` says. @default false */
  readonly traces?: boolean
  /** @default silent */
  readonly log?: Log
}

/** Who a client of a test is taken for. */
export interface ClientIdentity {
  /** What a gateway's `auth` would have returned. */
  readonly identity?: unknown
  /** Name of the calling service. @default 'test' */
  readonly caller?: string
}

export interface TestMesh {
  readonly settings: Settings
  /** The nodes that are registered now. */
  nodes(service: string): readonly NodeInfo[]
  /** What was recorded of calls that have ended, in that order; the last 10 000. Empty without `traces`. */
  readonly spans: readonly Span[]
  /** A typed client. */
  client<C extends Contract>(contract: C, as?: ClientIdentity): ClientOf<C>
  /** A request from outside, through the gateway: `fetch('/api/user/login', { method: 'POST', … })`. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /**
   * Lets a method or action (`'user.exists'`) wait, fail, or both, at the nodes that serve it: retries, breakers and
   * deadlines meet it as they would meet the real thing.
   * @throws GomsError GOMS_OPTION_INVALID for a name that nobody here serves
   */
  fault(target: string, options: FaultOptions): Fault
  /**
   * Ends a node, by its id or name, or all of a service, as SIGKILL does: connections are reset, nothing is deregistered.
   * @throws GomsError GOMS_OPTION_INVALID when there is none
   */
  kill(serviceOrNode: string): void
  /** Moves virtual time, and lets what each timer begins come to rest. @throws GomsError FAILED_PRECONDITION without it */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

const REGISTRY: RegistryOptions = {
  kind: 'memory',
  endpoints: [],
  user: undefined,
  password: undefined,
  tls: undefined,
  embeddedPort: 0,
  dialect: 'goms',
  leaseTtlMs: 10_000,
  connectTimeoutMs: 10_000,
}

const MAX_SPANS = 10_000

const CALL_KEY = 'the key of a test mesh'

/** Starts every service and mock. Resolves when all of them are known to each other. */
export async function testMesh(options: TestMeshOptions): Promise<TestMesh> {
  const virtual = options.clock === 'virtual' ? createVirtualClock() : undefined
  const clock = virtual ?? systemClock
  const log = options.log ?? silentLog
  const settings = resolveSettings(options.settings ?? {}, {
    ...REGISTRY,
    leaseTtlMs: options.settings?.leaseTtl ?? REGISTRY.leaseTtlMs,
  })
  const { project, registry: registryOptions } = settings
  const store = createStore({ clock })
  const registry = createMemoryRegistry(registryOptions, { project, clock, log, store })
  await registry.start()

  const services = options.services.filter((one) => one.kind === 'service')
  const mocked = options.services.filter((one) => one.kind === 'mocked component')
  const components = createComponents(settings, clock, new Map(mocked.map((one) => [one.component, one.value])))
  const network = createMemoryNetwork()
  const door = options.gateway ?? gateway()
  const spans: Span[] = []
  const tracing =
    options.traces === true ? createTracing({ settings, clock, log, outlets: [keptIn(spans)] }) : undefined
  const events = createEvents({
    ...{ settings, clock, log, sampler: tracing?.sampler },
    store: registry.store(),
    observe: tracing?.observers.events,
  })
  const cluster = createClusterOf(
    {
      ...{ settings, clock, balancers: door.balancers, use: door.use },
      observe: tracing?.observers.outbound,
      sampler: tracing?.sampler,
    },
    {
      registry,
      callKey: settings.callKey ?? CALL_KEY,
      callClock: clock,
      probe: async (address) => network.accepts(address),
      openUpstream: async () => createHttpUpstream({ clock, dial: network.dial }),
      openRpcUpstream: async () => createRpcUpstream({ clock, dial: network.dial }),
    },
  )
  const faults = createFaults(clock, (service, action) =>
    services.some(
      (it) =>
        it.name === service &&
        (Object.hasOwn(it.contract?.shape.rpc ?? {}, action) || [...actionsOf(it, settings).values()].includes(action)),
    ),
  )
  const outbounds = new Map<string, Outbound>()
  const outboundOf = (service: string): Outbound => {
    const known = outbounds.get(service) ?? createOutbound(cluster, settings, service)
    outbounds.set(service, known)
    return known
  }
  const start = (definition: ServiceDefinition | GatewayDefinition): Promise<MeshNode> =>
    startMeshNode({
      definition,
      settings,
      // Its nodes stand for processes of their own: calls between them take the wire, not the short cut.
      cluster: { ...cluster, local: new Map() },
      outbound: outboundOf(definition.name),
      components,
      events,
      network,
      faults,
      observers: tracing?.observers,
      clock,
      log,
    })

  setUserLog(() => log)
  const speaking = (): Outbound => outboundOf(servingService() ?? 'test')
  setRunning({
    settings,
    fetchAction: (service, action, request) => speaking().fetchAction(service, action, request),
    callMethod: (ref, input, given) => speaking().callMethod(ref, input, given),
    emit: (contract, event, payload, given) => events.emit(servingService() ?? 'test', contract, event, payload, given),
  })

  const nodes: MeshNode[] = []
  let opening: Promise<MeshNode> | undefined
  let closing: Promise<void> | undefined

  async function close(): Promise<void> {
    setRunning(undefined)
    setUserLog(undefined)
    const all = [...nodes, ...(opening === undefined ? [] : [await opening])]
    // Connections of callers first: nobody waits for a node that closes.
    for (const outbound of outbounds.values()) outbound.close()
    await Promise.all(all.map((node) => node.close()))
    await events.close()
    await components.close()
    await cluster.close()
    store.close()
  }

  try {
    nodes.push(...(await Promise.all(services.map(start))))
    while (!nodes.every((node) => isKnown(registry.view.nodes(node.service), node.id, registry.view))) await settle()
  } catch (thrown) {
    await close()
    throw thrown
  }

  return {
    settings,
    spans,
    nodes: (service) => registry.view.nodes(service),
    client(contract, as) {
      const outbound = outboundOf(as?.caller ?? 'test')
      const context = as?.identity === undefined ? undefined : contextOf(as.identity)
      return clientOver(contract, (ref, input, given) => outbound.callMethod(ref, input, given, context))
    },
    async fetch(path, init) {
      opening ??= start(door)
      return fetchFrom(await cluster.upstream(), (await opening).http, new URL(path, 'http://gateway').href, init)
    },
    fault: (target, given) => faults.add(target, given),
    kill(serviceOrNode) {
      const found = nodes.filter(({ service, id, name }) => [service, id, name].includes(serviceOrNode))
      if (found.length === 0) {
        throw new GomsError('GOMS_OPTION_INVALID', `kill: "${serviceOrNode}" is no service or node of this mesh`, {
          detail: { found: serviceOrNode, expected: [...new Set(nodes.map((node) => node.service))].join(', ') },
        })
      }
      for (const node of found) node.kill()
    },
    async advance(ms) {
      if (virtual === undefined) {
        throw new GomsError('FAILED_PRECONDITION', 'advance: time is the system’s', {
          detail: { fix: "testMesh({ clock: 'virtual', … })" },
        })
      }
      await virtual.advance(ms)
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** The oldest go first. */
function keptIn(spans: Span[]): SpanOutlet {
  return {
    take(span) {
      spans.push(span)
      if (spans.length > MAX_SPANS) spans.shift()
    },
    async close() {},
  }
}

/** Its key is in the view, and its contract is read. */
function isKnown(nodes: readonly NodeInfo[], id: string, view: { contract(hash: string): unknown }): boolean {
  const node = nodes.find((it) => it.id === id)
  return node !== undefined && (node.contract === undefined || view.contract(node.contract) !== undefined)
}

/** A call in progress, as far as those that it makes can tell. */
function contextOf(identity: unknown): CallContext {
  const trace = newTrace()
  return {
    traceId: trace.traceId,
    trace,
    caller: undefined,
    identity,
    attempt: 1,
    leftMs: () => Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
  }
}
