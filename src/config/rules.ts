/** What must hold between values, whatever each of them is: names, the call key, production, waits at the end. */
import type { Settings } from '../core/options.ts'
import { toRabbitAddress } from '../core/rabbitmq-address.ts'
import { toElasticsearchUrls } from '../telemetry/elasticsearch-address.ts'
import { OTLP_ADDRESS, ZIPKIN_ADDRESS } from '../telemetry/exporter-address.ts'
import { nameMistake } from './key-mistakes.ts'
import type { Origin } from './mistake.ts'
import type { ChosenRegistry } from './resolve-registry.ts'
import { checkExporter, checkReadable } from './rules-address.ts'
import { checkLimiters } from './rules-limiter.ts'
import type { ConfigFile } from './shape.ts'
import { originOf, type Tree } from './tree.ts'

/** Who is going to use the settings: a `tool` (goms nodes, goms call) serves nothing, so nothing is asked of it. */
export type Role = 'gateway' | 'service' | 'tool'

/** Bytes of a call key in production. */
export const MIN_CALL_KEY_BYTES = 8

export function checkProjectName(tree: Tree, file: ConfigFile): void {
  if (file.projectName === undefined) return
  const mistake = nameMistake('project', file.projectName, originOf(tree, ['projectName']), 'value')
  if (mistake !== undefined) tree.mistakes.push(mistake)
}

export function checkProduction(
  tree: Tree,
  registry: ChosenRegistry,
  key: string | undefined,
  production: boolean,
  warnings: string[],
): void {
  if (production && !registry.chosen) {
    tree.mistakes.push({
      code: 'GOMS_REGISTRY_NOT_CHOSEN',
      message: 'NODE_ENV is production, and no registry is chosen',
      expected: 'a registry that all machines reach',
      found: 'none, which is the embedded one of this machine elsewhere',
      fix: [
        'set `registry: etcd://host:2379` in configs/config.yml, `-etcd_addr host:2379`, or GOMS_REGISTRY',
        'or choose `registry: embedded` for a production of one machine',
      ],
    })
  }
  if (registry.options.kind !== 'etcd') return
  const bytes = Buffer.byteLength(key ?? '')
  if (bytes >= MIN_CALL_KEY_BYTES) return
  const found = bytes === 0 ? 'none' : `${bytes} bytes`
  const message = `callServiceKey is ${bytes === 0 ? 'missing' : 'too short'} (${found}, at least ${MIN_CALL_KEY_BYTES} bytes)`
  if (!production) {
    warnings.push(`${message}; in production this is an error`)
    return
  }
  tree.mistakes.push({
    code: 'GOMS_CALL_KEY_WEAK',
    message,
    origin: originOf(tree, ['callServiceKey']),
    expected: `at least ${MIN_CALL_KEY_BYTES} bytes that nobody guesses`,
    found,
    fix: [
      'make one: node -e "console.log(crypto.randomBytes(24).toString(\'base64url\'))"',
      'and give it to every process as callServiceKey in configs/config.yml or as GOMS_CALL_SERVICE_KEY',
    ],
  })
}

export function checkTogether(tree: Tree, settings: Settings, warnings: string[]): void {
  const { policy, gateway } = settings
  const waits = settings.drainMs + gateway.lbDrainMs
  if (waits >= settings.terminationGraceMs) {
    warnings.push(
      `drain and gateway.lbDrain (${waits} ms together) leave nothing of terminationGrace (${settings.terminationGraceMs} ms): a gateway will be cut off`,
    )
  }
  if (gateway.cors?.credentials === true && gateway.cors.origins.includes('*')) {
    invalid(
      tree,
      ['gateway', 'cors', 'credentials'],
      'gateway.cors: credentials together with the origin `*`',
      'name the origins',
    )
  }
  const { tls } = gateway
  if (tls !== undefined && tls.clientCert !== 'none' && tls.ca === undefined) {
    invalid(
      tree,
      ['gateway', 'tls', 'clientCert'],
      `gateway.tls: clientCert is ${tls.clientCert}, and nothing says whose certificates are good`,
      'set `ca` to the PEM file of the authority that makes certificates of clients',
    )
  }
  checkExporter(tree, ['zipkinAddr'], settings.zipkinAddr, ZIPKIN_ADDRESS)
  checkExporter(tree, ['trace', 'otlpAddr'], settings.trace.otlpAddr, OTLP_ADDRESS)
  checkReadable(tree, 'esAddr', settings.esAddr, toElasticsearchUrls)
  checkReadable(tree, 'amqpAddr', settings.amqpAddr, toRabbitAddress)
  checkLimiters(tree, tree.value)
  total(tree, [], policy.totalTimeoutMs, policy.timeoutMs)
  for (const [service, actions] of Object.entries(settings.routes)) {
    for (const [action, route] of Object.entries(actions)) {
      total(tree, ['services', service, action], route.totalTimeoutMs, route.timeoutMs)
    }
  }
}

function total(tree: Tree, path: readonly string[], totalMs: number | undefined, timeoutMs: number | undefined): void {
  if (totalMs === undefined || timeoutMs === undefined || totalMs >= timeoutMs) return
  const at = originOf(tree, [...path, 'totalTimeout']) === undefined ? [...path, 'timeout'] : [...path, 'totalTimeout']
  invalid(
    tree,
    at,
    `${[...path, 'totalTimeout'].join('.')} is less than timeout (${totalMs} and ${timeoutMs} ms)`,
    'the total lasts until the end of the answer, timeout until its head: raise the one or lower the other',
  )
}

function invalid(tree: Tree, path: readonly string[], message: string, fix: string): void {
  const origin: Origin | undefined = originOf(tree, path)
  tree.mistakes.push({ code: 'GOMS_CONFIG_INVALID', message, origin, fix: [fix] })
}
