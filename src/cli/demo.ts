/** `goms demo`: the shop of `examples/shop`, as separate processes on the embedded registry, in one terminal. */
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GomsError } from '../core/errors.ts'
import { dev } from './dev.ts'

const LOGIN = `-H 'Content-Type: application/json' -d '{"username":"test","password":"test"}'`
const DEFAULT_PORTS = [8080, 8180] as const

export async function run(args: readonly string[]): Promise<undefined> {
  const shop = fileURLToPath(new URL('../../examples/shop', import.meta.url))
  if (!existsSync(shop)) {
    throw new GomsError('GOMS_SERVICE_FILE', 'demo: the shop is not part of the installed package', {
      detail: { found: `nothing at ${shop}`, fix: 'clone the repository and run `npm start` there' },
    })
  }
  const at = (path: string): string => relative(process.cwd(), join(shop, path)) || '.'
  return dev(
    [
      '-configs',
      at('configs'),
      at('gateway.ts'),
      `${at('services/user.ts')}:3`,
      `${at('services/order.ts')}:2`,
      at('services/mail.ts'),
      ...args,
    ],
    {
      tryIt: (gateway) => `curl -s -X POST 'http://${gateway}/api/user/login?a=1&b=3' ${LOGIN}`,
      // A demo should not fail for somebody else's port.
      gatewayArgs: (await areFree(DEFAULT_PORTS)) ? [] : ['-http_port', '0', '-rpc_port', '0'],
    },
  )
}

async function areFree(ports: readonly number[]): Promise<boolean> {
  return (await Promise.all(ports.map(isFree))).every(Boolean)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)))
  })
}
