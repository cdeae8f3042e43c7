/** The keys of one route, and the maps of services and actions around it. */
import * as v from 'valibot'
import { block, choice, duration, integer, pattern, rate, text, toggle } from './fields.ts'
import { limiter } from './schema-limiter.ts'
import type { RouteFile, RoutesFile } from './shape.ts'

/** `out` and `in` are what go-garden before 1.2 called `http` and `rpc`. */
const ROUTE_TYPES = ['http', 'rpc', 'out', 'in'] as const

const HTTP_METHODS = /^\s*([Aa][Nn][Yy]|[A-Za-z]{1,20}(\s*[|,]\s*[A-Za-z]{1,20})*)\s*$/

export const routeSchema: v.GenericSchema<RouteFile> = v.strictObject({
  type: choice(
    {
      en: 'How the service is called: over HTTP, or the RPC method of that name.',
      zh: '调用方式:HTTP,或同名的 RPC 方法。',
      default: 'http',
    },
    ROUTE_TYPES,
  ),
  path: pattern(
    {
      en: 'Path at the service. The gateway offers it at `/api/<service>/<action>`.',
      zh: '服务上的路径。网关以 `/api/<service>/<action>` 对外提供。',
      help: 'write the path as the service knows it, starting with "/"',
    },
    /^\/[^\s?#]{0,2000}$/,
    'a path that starts with "/", without spaces, "?" and "#"',
  ),
  method: block(
    v.union(
      [
        v.pipe(v.string(), v.regex(HTTP_METHODS, 'HTTP methods such as POST or [GET, POST]')),
        v.pipe(
          v.array(v.pipe(v.string(), v.regex(HTTP_METHODS, 'HTTP methods such as POST or [GET, POST]'))),
          v.maxLength(20),
        ),
      ],
      'HTTP methods such as POST or [GET, POST]',
    ),
    {
      en: 'HTTP methods that are let through; others are answered 405. `ANY` lets all through.',
      zh: '允许的 HTTP 方法,其他方法返回 405。`ANY` 表示不限。',
      default: 'the contract’s, else ANY',
    },
    'HTTP methods such as POST or [GET, POST]',
  ),
  limiter: limiter({
    en: 'At most so many attempts, per calling process, node and route: `5/100` is 100 in any 5 seconds. With `shared` at most so many calls of the route in the project. Beyond it: 429.',
    zh: '限流:按调用进程、节点、路由计数,`5/100` 表示任意 5 秒内最多 100 次;`shared` 则限制整个项目对该路由的调用次数。超出返回 429。',
  }),
  breaker: rate({
    en: 'Opens after so many errors, per calling process, node and route: `5/100` is 100 in 5 seconds. Open everywhere: 503.',
    zh: '熔断:按调用进程、节点、路由计数,`5/100` 表示 5 秒内错误达到 100 次即打开;所有节点都打开时返回 503。',
    aliases: ['fusing'],
  }),
  callLimit: rate({
    en: 'At most so many calls, per calling process and route, before a node is picked. Beyond it: 429.',
    zh: '选择节点之前,按调用进程和路由限制调用次数,超出返回 429。',
  }),
  timeout: duration(
    {
      en: 'Until the head of the answer (RPC: the answer), waits and retries included.',
      zh: '到收到响应头为止(RPC:收到结果)的时间,包含等待与重试。',
      default: '10000',
      aliases: ['timeoutMs'],
    },
    1,
    3_600_000,
  ),
  totalTimeout: duration(
    { en: 'Until the end of the answer.', zh: '到响应结束为止的时间。', default: 'none', aliases: ['totalTimeoutMs'] },
    1,
    86_400_000,
  ),
  retries: integer({ en: 'Further attempts after the first.', zh: '首次之后的重试次数。', default: '1' }, 0, 10),
  retryBusy: toggle({
    en: 'Whether 503 and 429 without proof that nothing ran may be tried again.',
    zh: '对无法证明未执行的 503 与 429 是否重试。',
    default: 'false',
  }),
  idempotent: toggle({
    en: 'Running it twice is the same as running it once, whatever the method.',
    zh: '执行两次与执行一次结果相同(不论方法)。',
    default: 'by the method: GET, HEAD, OPTIONS, TRACE',
  }),
  idempotencyKey: toggle({
    en: 'A request with an `Idempotency-Key` header may be repeated.',
    zh: '带 `Idempotency-Key` 请求头的请求可以重试。',
    default: 'false',
  }),
  envelope: toggle({
    en: 'Add `"status":true` to JSON answers.',
    zh: '在 JSON 响应中加入 `"status":true`。',
    default: 'gateway.envelope',
  }),
  maxBodyBytes: integer(
    {
      en: 'Body bytes of a request; more are answered 413.',
      zh: '请求体字节上限,超出返回 413。',
      default: 'gateway.maxBodyBytes',
    },
    0,
    1_099_511_627_776,
  ),
  select: block(
    v.strictObject({
      version: text({ en: 'Only nodes of this version.', zh: '只选择该版本的节点。' }, 128),
      zone: text({ en: 'Only nodes in this zone.', zh: '只选择该可用区的节点。' }, 128),
    }),
    { en: 'Only these nodes.', zh: '只选择这些节点。' },
  ),
})

/** Names are checked while the file is read, where their position is known. */
export const routesSchema: v.GenericSchema<RoutesFile> = v.record(
  v.string(),
  v.record(
    v.string(),
    v.union(
      [
        v.pipe(v.string(), v.regex(/^\/[^\s?#]{0,2000}$/, 'a path that starts with "/", without spaces, "?" and "#"')),
        routeSchema,
      ],
      'a path or a block with type, path, limiter …',
    ),
    'actions, each with a path or a block of keys',
  ),
  'services, each with its actions',
)
