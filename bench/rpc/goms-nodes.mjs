/** goms as users run it: `serve` in both processes, an embedded registry in the server's, `client` on the other side. */
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { client, serve as serveGoms, service } from '../../dist/index.js'
import { METHODS, methodName } from './payloads.mjs'

const cwd = mkdtempSync(join(tmpdir(), 'goms-bench-'))
export const envOf = (port) => ({
  GOMS_REGISTRY: 'embedded',
  GOMS_EMBEDDED_PORT: String(port),
  GOMS_CALL_SERVICE_KEY: 'a key of the benchmark',
  GOMS_PROJECT_NAME: 'bench',
  GOMS_ADMIN_PORT: 'off',
  GOMS_LOG_LEVEL: 'error',
})

export async function serve(contract, handler) {
  const probe = createServer()
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  const rpc = Object.fromEntries(Array.from({ length: METHODS }, (_, i) => [methodName(i), handler]))
  await serveGoms(service(contract, { rpc }), { cwd, env: envOf(port) })
  return { port }
}

export async function open(port, contract) {
  await serveGoms(service('caller', {}), { cwd, env: envOf(port) })
  const bench = client(contract)
  return Array.from({ length: METHODS }, (_, i) => bench[methodName(i)])
}
