import { describe, it } from 'vitest'
import { etcdMissing, startEtcd } from '../../test/support/etcd.ts'
import { systemClock } from '../core/clock.ts'
import type { RegistryOptions } from '../core/options.ts'
import { createEtcdRegistry } from './etcd.ts'
import { createEtcdClient } from './etcd-client.ts'
import { registrySuite } from './registry.suite.ts'

function etcdOptions(endpoints: readonly string[], more: Partial<RegistryOptions> = {}): RegistryOptions {
  return {
    kind: 'etcd',
    endpoints,
    user: undefined,
    password: undefined,
    tls: undefined,
    embeddedPort: 24379,
    dialect: 'goms',
    leaseTtlMs: 2000,
    connectTimeoutMs: 5000,
    ...more,
  }
}

if (etcdMissing) describe('a registry over etcd', () => it.skip(etcdMissing as string, () => {}))
else
  registrySuite('etcd', async () => {
    const etcd = await startEtcd()
    const kv = createEtcdClient({ endpoints: etcd.endpoints })
    return {
      open: ({ project, leaseTtlMs, log }) =>
        createEtcdRegistry(etcdOptions(etcd.endpoints, { leaseTtlMs }), { project, clock: systemClock, log }),
      kv,
      async close() {
        await kv.close()
        await etcd.close()
      },
    }
  })
