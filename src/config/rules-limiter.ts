/** What a limiter that the project shares needs: an address of Redis, found missing when the process starts. */
import { toRedisAddress } from '../core/redis-address.ts'
import { checkReadable } from './rules-address.ts'
import type { ConfigFile, RouteFile } from './shape.ts'
import { originOf, type Tree } from './tree.ts'

/** What holds of the limiters themselves, wherever they are used. */
export function checkLimiters(tree: Tree, file: ConfigFile): void {
  for (const [path, limiter] of limitersOf(file)) {
    if (typeof limiter === 'object' && limiter.shared !== true) checkAlone(tree, path, limiter)
  }
}

/** What a process that goes by them needs. Routes that were shared with it come into force without: then nobody counts. */
export function checkRedis(tree: Tree, file: ConfigFile): void {
  const shared = limitersOf(file).filter(([, limiter]) => typeof limiter === 'object' && limiter.shared === true)
  if (shared.length > 0) checkReadable(tree, 'redisAddr', file.redisAddr, toRedisAddress)
  for (const [path] of shared) {
    if (file.redisAddr === undefined && originOf(tree, path)?.kind !== 'shared') missing(tree, [...path, 'shared'])
  }
}

type Found = readonly [path: readonly string[], limiter: RouteFile['limiter']]

function limitersOf(file: ConfigFile): readonly Found[] {
  const routes = Object.entries(file.services ?? {}).flatMap(([service, actions]) =>
    Object.entries(actions).map(([action, route]): Found => {
      return [['services', service, action, 'limiter'], typeof route === 'string' ? undefined : route.limiter]
    }),
  )
  return [[['limiter'], file.limiter], ...routes]
}

/** What is said of Redis is said of a limit that is counted there. */
function checkAlone(tree: Tree, path: readonly string[], limiter: object): void {
  for (const key of ['onError', 'timeout'] as const) {
    if (!(key in limiter)) continue
    tree.mistakes.push({
      code: 'GOMS_CONFIG_INVALID',
      message: `${path.join('.')}: \`${key}\` is of a limiter that is shared, and this one is not`,
      origin: originOf(tree, [...path, key]),
      at: 'key',
      fix: ['add `shared: true`, or leave it out'],
    })
  }
}

function missing(tree: Tree, path: readonly string[]): void {
  tree.mistakes.push({
    code: 'GOMS_CONFIG_INVALID',
    message: `${path.slice(0, -1).join('.')} is shared by the project, and \`redisAddr\` is missing`,
    origin: originOf(tree, path),
    expected: 'the address of the Redis where it is counted',
    found: 'no `redisAddr`',
    fix: [
      'set `redisAddr: host:6379` in configs/config.yml, or GOMS_REDIS_ADDR',
      'or leave `shared` out: `limiter: 5/100`',
    ],
  })
}
