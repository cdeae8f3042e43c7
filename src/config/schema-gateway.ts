/** The keys below `gateway:`, and how nodes are chosen. */
import * as v from 'valibot'
import type { BalanceOptions } from '../core/options.ts'
import { BALANCERS, MOST_WORKERS } from '../core/options.ts'
import { block, choice, duration, integer, integerOrAuto, list, text, toggle } from './fields.ts'
import type { ConfigFile, CorsFile, GatewayFile } from './shape.ts'

const corsSchema: v.GenericSchema<CorsFile> = v.strictObject({
  origins: v.nonOptional(
    list({
      en: 'Origins that may read answers; `*` lets all, without credentials.',
      zh: '允许的来源,`*` 表示全部(不带凭据)。',
    }),
    'a list of origins',
  ),
  methods: list({ en: 'Methods that a preflight allows.', zh: '预检允许的方法。', default: 'those of the route' }),
  headers: list({
    en: 'Request headers that a preflight allows.',
    zh: '预检允许的请求头。',
    default: 'those asked for',
  }),
  exposedHeaders: list({ en: 'Response headers that scripts may read.', zh: '脚本可读取的响应头。' }),
  credentials: toggle({
    en: 'Cookies and authorization from other origins; refused together with `*`.',
    zh: '允许跨域携带 Cookie 与认证信息,不能与 `*` 同用。',
    default: 'false',
  }),
  maxAge: duration(
    { en: 'How long a preflight is kept.', zh: '预检结果缓存时间。', aliases: ['maxAgeMs'] },
    0,
    86_400_000,
  ),
})

export const gatewaySchema: v.GenericSchema<GatewayFile> = v.strictObject({
  workers: integerOrAuto(
    {
      en: 'Processes that serve the HTTP port together: as one node, with one set of limits. `auto`: one for each core.',
      zh: '共同服务 HTTP 端口的进程数:对外是一个节点,共用一套限制。`auto` 表示每个 CPU 核心一个。',
      default: '1',
    },
    1,
    MOST_WORKERS,
  ),
  parser: choice(
    {
      en: 'What reads requests: our own strict parser on raw sockets, or node:http at about twice the cost.',
      zh: '由谁解析请求:原始套接字上的自有严格解析器(fast),或 node:http(safe,开销约两倍)。',
      default: 'safe',
    },
    ['fast', 'safe'],
  ),
  envelope: toggle({
    en: 'Add `"status":true` to JSON answers.',
    zh: '在 JSON 响应中加入 `"status":true`。',
    default: 'true',
  }),
  cluster: choice(
    {
      en: 'Who may read `/cluster`: loopback and private addresses, everybody, nobody.',
      zh: '谁可以查看 `/cluster`:仅内网地址、所有人、关闭。',
      default: 'private',
    },
    ['private', 'public', 'off'],
  ),
  cors: block(
    v.union(
      [v.boolean(), v.pipe(v.string(), v.minLength(1)), v.array(v.pipe(v.string(), v.minLength(1))), corsSchema],
      'true, origins, or a block with origins',
    ),
    {
      en: 'Answers that scripts of other origins may read: `true` for all origins, a list of origins, or a block.',
      zh: '跨域:`true` 表示所有来源,也可以是来源列表或详细配置。',
      default: 'off',
    },
    'true, origins, or a block with origins',
  ),
  trustedProxies: list({
    en: 'Addresses or CIDRs of proxies whose `X-Forwarded-*` are believed.',
    zh: '可信代理的地址或 CIDR,信任其 `X-Forwarded-*`。',
    default: 'none',
  }),
  lbDrain: duration(
    {
      en: 'How long new connections are still served at the end, after `/-/ready` says no.',
      zh: '停止时 `/-/ready` 返回否之后,仍接受新连接的时间。',
      default: '6000',
      aliases: ['lbDrainMs'],
    },
    0,
    600_000,
  ),
  maxHeaderBytes: integer(
    { en: 'Header bytes of a request.', zh: '请求头字节上限。', default: '16384' },
    1024,
    1_048_576,
  ),
  maxBodyBytes: integer(
    {
      en: 'Body bytes of a request. Those to RPC methods are held in memory: 1 MiB unless set.',
      zh: '请求体字节上限。调用 RPC 方法的请求体会放在内存中,未设置时上限为 1 MiB。',
      default: 'no limit',
    },
    0,
    1_099_511_627_776,
  ),
  idleTimeout: duration(
    {
      en: 'Silence on a body or session before it is cut.',
      zh: '请求体或会话静默多久后断开。',
      default: '60000',
      aliases: ['idleTimeoutMs'],
    },
    100,
    86_400_000,
  ),
  connectTimeout: duration(
    {
      en: 'How long a connection to a node may take.',
      zh: '连接节点的时间上限。',
      default: '500',
      aliases: ['connectTimeoutMs'],
    },
    10,
    60_000,
  ),
  maxConnectionsPerNode: integer(
    { en: 'Connections to one node.', zh: '到单个节点的连接数上限。', default: '256' },
    1,
    65_535,
  ),
})

const BALANCE_EXPECTED = `one of ${BALANCERS.join(', ')}, or { hash: { header | cookie | query: name } }`

const strategy = v.union(
  [
    v.picklist(BALANCERS, BALANCE_EXPECTED),
    v.strictObject({
      hash: v.pipe(
        v.strictObject({
          header: text({ en: 'Name of a request header.', zh: '请求头名称。' }, 128),
          cookie: text({ en: 'Name of a cookie.', zh: 'Cookie 名称。' }, 128),
          query: text({ en: 'Name of a query parameter.', zh: '查询参数名称。' }, 128),
        }),
        v.check(
          (hash) => Object.values(hash).filter((name) => name !== undefined).length === 1,
          'exactly one of header, cookie, query',
        ),
      ),
    }),
  ],
  BALANCE_EXPECTED,
) as v.GenericSchema<BalanceOptions>

export const balanceSchema: v.GenericSchema<NonNullable<ConfigFile['balance']>> = v.union(
  [strategy, v.record(v.string(), strategy)],
  BALANCE_EXPECTED,
) as v.GenericSchema<NonNullable<ConfigFile['balance']>>
