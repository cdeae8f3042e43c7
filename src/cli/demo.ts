/** `goms demo`: the shop of `examples/shop`, as separate processes on the embedded registry, in one terminal. */
import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GomsError } from '../core/errors.ts'
import { dev } from './dev.ts'

const TRY =
  "curl -s -X POST 'http://127.0.0.1:8080/api/user/login?a=1&b=3' -H 'Content-Type: application/json' " +
  `-d '{"username":"test","password":"test"}'`

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
      ...args,
    ],
    { tryIt: TRY },
  )
}
