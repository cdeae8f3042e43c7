/** A gateway as its author writes it: plain data. Importing the file opens no port; `serve` and `goms start` do. */
import type { Balancer } from '../balance/balancer.ts'
import type { Contract } from '../contract/contract.ts'
import { type Component, isComponent } from '../core/component.ts'
import { GomsError } from '../core/errors.ts'
import { checkName } from '../core/name.ts'
import type { CorsOptions } from '../core/options.ts'
import type { Middleware } from '../mesh/middleware.ts'
import type { AuthHook } from './auth.ts'

export interface GatewayDefinitionOptions {
  /** What the log and the callees call it. @default 'gateway' */
  readonly name?: string
  /**
   * Says who is asking, or throws. Runs after the route was found and before anything is sent; what it returns travels to
   * the nodes as the call's identity.
   */
  readonly auth?: AuthHook
  /** Which other origins may read answers in a browser. The configuration files go before it. @default none */
  readonly cors?: CorsOptions
  /** Contracts whose actions have routes even while no node of theirs is there. */
  readonly contracts?: readonly Contract[]
  /** How the next node of a service is chosen, by service: your own, or of `createBalancer`. Before the configuration's. */
  readonly balancers?: Readonly<Record<string, Balancer>>
  /**
   * What the hooks need with a life of its own, a database or a cache: started in this order before the gateway serves, in
   * each of its workers. Hooks read their `value`.
   */
  readonly components?: readonly Component[]
  /** Wraps every call; sees the call, never its body. */
  readonly use?: readonly Middleware[]
}

/** What `gateway()` returns. */
export interface GatewayDefinition extends GatewayDefinitionOptions {
  readonly kind: 'gateway'
  readonly name: string
}

/**
 * Defines a gateway. Its routes come from the configuration files, the given contracts and those that live nodes advertise.
 * @throws GomsError GOMS_NAME_INVALID, GOMS_OPTION_INVALID
 */
export function gateway(options: GatewayDefinitionOptions = {}): GatewayDefinition {
  const name = checkName('service', options.name ?? 'gateway')
  if (options.auth !== undefined && typeof options.auth !== 'function') {
    const found = `\`${String(options.auth)}\` (${typeof options.auth})`
    throw new GomsError('GOMS_OPTION_INVALID', `gateway: expected \`auth\` to be a function, got ${found}`, {
      detail: {
        found,
        expected: 'a function (req, { service, action, route }) => identity',
        fix: 'leave it out for none',
      },
    })
  }
  if (options.cors) checkCors(options.cors)
  for (const given of options.components ?? []) {
    if (isComponent(given)) continue
    const found = `\`${String(given)}\` (${typeof given})`
    throw new GomsError('GOMS_OPTION_INVALID', `gateway: expected \`components\` to be components, got ${found}`, {
      detail: { found, expected: 'what component() returns', fix: 'write components: [redis()]' },
    })
  }
  return { ...options, kind: 'gateway', name }
}

export function isGateway(value: unknown): value is GatewayDefinition {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'gateway'
}

/** With `*` and credentials any site could act as the user: browsers refuse it, and so do we, when it is written. */
export function checkCors(cors: CorsOptions): void {
  if (cors.credentials && cors.origins.includes('*')) {
    throw new GomsError('GOMS_OPTION_INVALID', 'cors: `credentials: true` cannot go together with the origin `*`', {
      detail: {
        found: 'origins: ["*"], credentials: true',
        expected: 'the origins that may act as the user',
        fix: 'list the origins, or leave `credentials` out',
      },
    })
  }
}
