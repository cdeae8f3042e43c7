import { expect, test } from 'vitest'
import { FAILED, nodeOf, OK, rigOf, ScriptedCarrier, send } from '../mesh/mesh.fixtures.ts'
import type { RegistryStatus } from '../registry/registry.ts'
import { createMetricsRegistry } from '../telemetry/metrics.ts'
import { pageOf } from '../telemetry/metrics-page.ts'
import { NODE_KEPT_MS, NodeMetrics } from '../telemetry/node-metrics.ts'
import { createOwnMetrics } from '../telemetry/own-metrics.ts'
import type { Cluster } from './cluster.ts'
import { registryOf, watchCluster } from './cluster-metrics.ts'

function setUp() {
  const rig = rigOf([nodeOf(1), nodeOf(2)])
  const registry = createMetricsRegistry({ maxSeries: 1000 })
  const own = createOwnMetrics(registry)
  const nodes = new NodeMetrics(own, registry, rig.clock)
  const status: RegistryStatus = { connected: false, endpoint: undefined, revision: 0n, ageMs: 1500 }
  const pool = { address: { host: '10.0.0.1', port: 9080 }, connections: 5, idle: 2, waiting: 3 }
  const cluster = {
    ...{ mesh: rig.mesh, callClock: rig.clock, pools: () => [pool] },
    registry: { view: rig.view, status: () => status },
  } as unknown as Cluster
  const stop = watchCluster(cluster, own, nodes, registry)
  registry.collector(() => registryOf(cluster.registry, own))
  const page = async (): Promise<string> => [...pageOf(await registry.snapshot())].join('')
  return { ...rig, page, stop }
}

const NODE = 'node="10.0.0.1:9180_10.0.0.1:9080"'

test('endpoints, breakers, connections and the registry are as they are when the page is read', async () => {
  const { mesh, call, page, clock, view } = setUp()
  expect(await page()).not.toContain('goms_endpoint_in_flight')
  const policy = { breaker: { calls: 1, perMs: 1000 }, retries: 0 }
  await send(mesh, call(policy), new ScriptedCarrier([FAILED]))
  await send(mesh, call(policy), new ScriptedCarrier(['hang']))
  const first = await page()
  expect(first).toContain(`goms_breaker_state{service="user",action="login",${NODE}} 2\n`)
  expect(first).toContain('goms_breaker_state{service="user",action="login",node="10.0.0.2:9180_10.0.0.2:9080"} 0\n')
  expect(first).toContain('goms_endpoint_in_flight{service="user",node="10.0.0.2:9180_10.0.0.2:9080"} 1\n')
  expect(first).toContain('goms_retry_budget{service="user"} 30\n')
  expect(first).toContain(`goms_pool_connections{${NODE},state="busy"} 3\n`)
  expect(first).toContain(`goms_pool_connections{${NODE},state="idle"} 2\n`)
  expect(first).toContain(`goms_pool_waiting{${NODE}} 3\n`)
  expect(first).toContain('goms_registry_connected 0\n')
  expect(first).toContain('goms_registry_age_seconds 1.5\n')
  expect(first).toContain('goms_registry_nodes{service="user"} 2\n')
  clock.advance(1000)
  expect(await page()).toContain(`goms_breaker_state{service="user",action="login",${NODE}} 1\n`)
  await send(mesh, call(policy), new ScriptedCarrier([OK]))
  expect(await page()).toContain(`goms_breaker_state{service="user",action="login",${NODE}} 0\n`)

  view.set(nodeOf(2))
  expect(await page()).toContain(`goms_endpoint_in_flight{service="user",${NODE}} 0\n`)
  clock.advance(NODE_KEPT_MS)
  const last = await page()
  expect(last).not.toContain(NODE)
  expect(last).toContain('goms_registry_nodes{service="user"} 1\n')
})
