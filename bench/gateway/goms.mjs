/**
 * goms as users run it: `serve` with a registry, a call key, routes with limiter and breaker, trace, forwarded headers,
 * envelope, time-outs; nothing is switched off but the admin listener, which nobody asks.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serve as serveGoms } from '../../dist/index.js'
import { ROUTES } from './scenarios.mjs'

/** Never reached, and counted all the same. */
const GUARDS = 'limiter: 1/1000000, breaker: 5/100000'
const LOG = { debug() {}, info() {}, warn: console.error, error: console.error }

export async function serve({ name, port, registryPort, spansPort, project, dir, options }) {
  const configs = join(dir, `goms-${port}`)
  mkdirSync(configs, { recursive: true })
  if (options.tls) makeCertificate(configs)
  writeFileSync(
    join(configs, 'config.yml'),
    configOf({
      port,
      registryPort,
      project,
      configs,
      ...options,
      ...linesOf(options.sees, `127.0.0.1:${spansPort}/${name}`),
    }),
  )
  const file = join(import.meta.dirname, options.hooked ? 'goms-hooked-gateway.mjs' : 'goms-gateway.mjs')
  const { default: definition } = await import(file)
  // An access log is written as users have it.
  const log = options.sees?.accessLog ? {} : { log: LOG }
  await serveGoms(definition, { gatewayFile: file, flags: { configs }, env: {}, cwd: configs, ...log })
}

function makeCertificate(dir) {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(dir, 'key.pem')]
  const args = ['req', '-x509', ...key, '-out', join(dir, 'cert.pem'), '-days', '2', '-subj', '/CN=127.0.0.1']
  const { status, stderr } = spawnSync('openssl', args)
  if (status !== 0) throw new Error(`openssl: ${stderr}`)
}

/** Settings of what is seen of calls: those that are not named are off. Without `sees` all have their defaults. */
function linesOf(sees, zipkinAddr) {
  if (sees === undefined) return {}
  const { metrics = false, requestId = false, accessLog = 0, sample } = sees
  return {
    config: [
      `metrics: { enabled: ${metrics} }`,
      ...(sample === undefined ? [] : [`zipkinAddr: http://${zipkinAddr}`, `trace: { sample: ${sample} }`]),
    ].join('\n'),
    gateway: `requestId: ${requestId}\n  accessLog: ${accessLog}`,
  }
}

const configOf = ({ port, registryPort, project, configs, parser = 'fast', workers, tls, gateway, config = '' }) => `
projectName: ${project}
callServiceKey: a key of the benchmark
registry: embedded
embeddedPort: ${registryPort}
host: 127.0.0.1
httpPort: ${port}
rpcPort: 0
adminPort: off
${config}
gateway:
  parser: ${parser}
${workers ? `  workers: ${workers}` : ''}
${tls ? `  tls: { cert: ${configs}/cert.pem, key: ${configs}/key.pem }` : ''}
${gateway ? `  ${gateway}` : ''}
services:
  bench:
${Object.entries(ROUTES)
  .map(([action, path]) => `    ${action}: { path: ${path}, ${GUARDS} }`)
  .join('\n')}
`
