/** The registry over a real etcd: one line in production, `etcd://10.0.0.1:2379,10.0.0.2:2379`. */
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { RegistryOptions } from '../core/options.ts'
import { createEtcdClient } from './etcd-client.ts'
import type { Registry } from './registry.ts'
import { createRegistryOver } from './registry-over-kv.ts'

export interface EtcdRegistryDeps {
  readonly project: string
  readonly clock: Clock
  readonly log: Log
  /** @default Math.random */
  readonly random?: () => number
}

/** What a wrong choice of TLS looks like from here is a connection that opens and ends without a word. */
const TLS_HINTS = {
  on: 'if etcd speaks no TLS there: leave `etcdTls` out, and write etcd:// or http://',
  off: 'if etcd speaks TLS there: set `etcdTls`, or write etcds:// or https://',
} as const

/** A registry over the etcd members of `options.endpoints`, with user and password, or certificates, where they are given. */
export function createEtcdRegistry(options: RegistryOptions, deps: EtcdRegistryDeps): Registry {
  const addresses = options.endpoints.join(', ')
  if (options.endpoints.length === 0)
    throw new GomsError('GOMS_OPTION_INVALID', 'registry: expected at least one etcd address, got none', {
      detail: { found: 'no address', expected: '`host:port`, or several', fix: 'registry: etcd://127.0.0.1:2379' },
    })
  const kv = createEtcdClient({
    endpoints: options.endpoints,
    user: options.user,
    password: options.password,
    tls: options.tls,
    clock: deps.clock,
    ...(deps.random ? { random: deps.random } : {}),
  })
  return createRegistryOver(kv, {
    kind: 'etcd',
    ...deps,
    dialect: options.dialect,
    leaseTtlMs: options.leaseTtlMs,
    connectTimeoutMs: options.connectTimeoutMs,
    unavailable(cause, triedMs) {
      const seconds = Math.round(triedMs / 100) / 10
      const tries = kv.failedTries
      return new GomsError(
        'GOMS_REGISTRY_UNAVAILABLE',
        `registry: no etcd answers at ${addresses} (tried ${tries} times in ${seconds} s; last: ${cause.message})`,
        {
          cause,
          detail: {
            found: `${addresses}: ${cause.message}`,
            expected: `an etcd that answers (tried ${tries} times in ${seconds} s)`,
            fix: [
              ...(isHungUp(cause) ? [TLS_HINTS[options.tls ? 'on' : 'off']] : []),
              'start etcd there, or give its address: `-etcd_addr "host:2379"` or `registry: etcd://host:2379`',
              'or work without etcd on this machine: `registry: embedded`',
            ],
          },
        },
      )
    },
  })
}

/** Something listens there, and ended the connection. */
function isHungUp({ cause }: GomsError): boolean {
  return cause === undefined || (cause as { code?: unknown }).code === 'ECONNRESET'
}
