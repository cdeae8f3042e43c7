/** The keys below `gateway:`, and how nodes are chosen. */
import * as v from 'valibot'
import type { BalanceOptions } from '../core/options.ts'
import { BALANCERS, MOST_WORKERS } from '../core/options.ts'
import { block, choice, duration, integer, integerOrAuto, list, share, text, toggle } from './fields.ts'
import type { ConfigFile, CorsFile, GatewayFile, ServerTlsFile } from './shape.ts'

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

const tlsSchema: v.GenericSchema<ServerTlsFile> = v.strictObject({
  cert: v.nonOptional(
    text({
      en: 'Path of the PEM file of the certificate, those of the authorities between behind it. Read again when it changes.',
      zh: '证书(PEM)路径,中间证书附在其后。文件更新后自动重新加载。',
    }),
    'the path of a PEM file',
  ),
  key: v.nonOptional(
    text({
      en: 'Path of the PEM file of its key, without a passphrase. Read again when it changes.',
      zh: '私钥(PEM,无密码)路径。文件更新后自动重新加载。',
    }),
    'the path of a PEM file',
  ),
  ca: text({
    en: 'Path of the PEM file of the authorities that certificates of clients must come from.',
    zh: '签发客户端证书的 CA(PEM)路径。',
  }),
  minVersion: choice({ en: 'Oldest version of TLS.', zh: '最低 TLS 版本。', default: 'TLSv1.2' }, [
    'TLSv1.2',
    'TLSv1.3',
  ]),
  clientCert: choice(
    {
      en: 'Certificates of clients: not asked for, checked where one is shown, or required. The two latter need `ca`.',
      zh: '客户端证书:不要求、出示则校验、必须出示。后两者需要 `ca`。',
      default: 'none',
    },
    ['none', 'request', 'require'],
  ),
})

export const gatewaySchema: v.GenericSchema<GatewayFile> = v.strictObject({
  accessLog: share({
    en: 'Share of the requests that get a line in the log, 0 to 1; above 0 those answered 5xx always do.',
    zh: '写入访问日志的请求比例,0 到 1;大于 0 时,5xx 的请求总会写入。',
    default: '0',
  }),
  requestId: toggle({
    en: 'Requests go on with an `X-Request-Id`, and answers tell it: what the client sent, else the trace id.',
    zh: '为请求加上 `X-Request-Id` 并写入响应:沿用客户端的值,否则用 trace id。',
    default: 'true',
  }),
  serverTiming: toggle({
    en: 'Answers tell in `Server-Timing` how long node and gateway took.',
    zh: '在响应头 `Server-Timing` 中给出节点与网关的耗时。',
    default: 'false',
  }),
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
      en: 'What reads requests: our own strict parser on raw sockets, or node:http at several times the cost.',
      zh: '由谁解析请求:原始套接字上的自有严格解析器(fast),或 node:http(safe,开销为数倍)。',
      default: 'fast',
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
  tls: block(tlsSchema, {
    en: 'HTTPS instead of HTTP on the HTTP port.',
    zh: '在 HTTP 端口上使用 HTTPS。',
    default: 'off',
  }),
  http2: toggle({
    en: 'Clients may speak HTTP/2; only with `tls`.',
    zh: '允许客户端使用 HTTP/2(仅在配置 `tls` 时)。',
    default: 'true',
  }),
  maxHeaderBytes: integer(
    {
      en: 'Header bytes of a request, its first line included; more are answered 431.',
      zh: '请求头(含首行)字节上限,超出返回 431。',
      default: '16384',
    },
    1024,
    1_048_576,
  ),
  maxHeaderCount: integer(
    {
      en: 'Header fields of a request; more are answered 431.',
      zh: '请求头字段个数上限,超出返回 431。',
      default: '128',
    },
    16,
    2000,
  ),
  maxTargetBytes: integer(
    {
      en: 'Bytes of path and query together; more are answered 414.',
      zh: '路径与查询串的总字节上限,超出返回 414。',
      default: '8192',
    },
    256,
    1_048_576,
  ),
  maxBodyBytes: integer(
    {
      en: 'Body bytes of a request; more are answered 413. Those to RPC methods are held in memory: 1 MiB unless set.',
      zh: '请求体字节上限,超出返回 413。调用 RPC 方法的请求体会放在内存中,未设置时上限为 1 MiB。',
      default: 'no limit',
    },
    0,
    1_099_511_627_776,
  ),
  headTimeout: duration(
    {
      en: 'For the head of a request to arrive, from its first byte, and for a TLS handshake; then 408.',
      zh: '请求头从首字节起到收齐的时间上限(TLS 握手同此),超出返回 408。',
      default: '10000',
      aliases: ['headTimeoutMs'],
    },
    100,
    600_000,
  ),
  bodyTimeout: duration(
    {
      en: 'In which a body that the gateway waits for must go on, by 256 bytes at least; then 408.',
      zh: '等待请求体时,每隔该时间至少应再收到 256 字节,否则返回 408。',
      default: '10000',
      aliases: ['bodyTimeoutMs'],
    },
    100,
    600_000,
  ),
  answerTimeout: duration(
    {
      en: 'How long a client may take nothing of an answer that waits for it, before it is cut.',
      zh: '客户端多久不接收待发送的响应即断开。',
      default: '10000',
      aliases: ['answerTimeoutMs'],
    },
    100,
    600_000,
  ),
  keepAliveTimeout: duration(
    {
      en: 'How long a connection of a client without a request is kept.',
      zh: '客户端空闲连接的保留时间。',
      default: '75000',
      aliases: ['keepAliveTimeoutMs'],
    },
    100,
    86_400_000,
  ),
  maxConnections: integer(
    {
      en: 'Connections of clients at once; one more is answered 503 (over TLS: nothing) and closed.',
      zh: '客户端连接数上限,超出的连接返回 503(TLS 下不应答)并关闭。',
      default: '32768',
    },
    1,
    1_000_000,
  ),
  idleTimeout: duration(
    {
      en: 'Silence of a node within its answer, and on a session, before it is cut.',
      zh: '节点响应中途或会话静默多久后断开。',
      default: '60000',
      aliases: ['idleTimeoutMs'],
    },
    100,
    86_400_000,
  ),
  connectTimeout: duration(
    {
      en: 'How long a connection to a node may take, and the wait for a free one.',
      zh: '连接节点、等待空闲连接的时间上限。',
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
  maxWaitingPerNode: integer(
    {
      en: 'Requests that wait for a connection to one node; one more goes to another node, or is answered 503.',
      zh: '等待单个节点连接的请求数上限,超出的请求改发其他节点,否则返回 503。',
      default: '1024',
    },
    0,
    1_000_000,
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
