/**
 * goms as users run it: `serve(gateway())` with a registry, a call key, routes with limiter and breaker, trace, forwarded
 * headers, envelope, time-outs; nothing is switched off but the admin listener, which nobody asks.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gateway, serve as serveGoms } from '../../dist/index.js'
import { ROUTES } from './scenarios.mjs'

/** Never reached, and counted all the same. */
const GUARDS = 'limiter: 1/1000000, breaker: 5/100000'

export async function serve({ port, registryPort, project, dir, options }) {
  const configs = join(dir, `goms-${port}`)
  mkdirSync(configs, { recursive: true })
  writeFileSync(join(configs, 'config.yml'), configOf({ port, registryPort, project, ...options }))
  await serveGoms(gateway(options.auth ? HOOKS : {}), { flags: { configs }, env: {}, cwd: configs, log: LOG })
}

const LOG = { debug() {}, info() {}, warn: console.error, error: console.error }

const HOOKS = {
  auth: async ({ headers }) => ({ name: headers['x-user'] ?? 'nobody' }),
  use: [async (_call, next) => next()],
}

const configOf = ({ port, registryPort, project, parser = 'fast' }) => `
projectName: ${project}
callServiceKey: a key of the benchmark
registry: embedded
embeddedPort: ${registryPort}
host: 127.0.0.1
httpPort: ${port}
rpcPort: 0
adminPort: off
gateway:
  parser: ${parser}
services:
  bench:
${Object.entries(ROUTES)
  .map(([action, path]) => `    ${action}: { path: ${path}, ${GUARDS} }`)
  .join('\n')}
`
