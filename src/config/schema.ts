/**
 * The one description of the configuration files: what is checked, the JSON Schema in the package and the reference
 * pages all come from here.
 */
import * as v from 'valibot'
import { BALANCERS, defaultDrainMs } from '../core/options.ts'
import {
  block,
  choice,
  duration,
  integer,
  list,
  pattern,
  port,
  portOrOff,
  rate,
  text,
  toggle,
  WAITS,
} from './fields.ts'
import { gardenSchema } from './schema-garden.ts'
import { balanceSchema, gatewaySchema } from './schema-gateway.ts'
import { limiter } from './schema-limiter.ts'
import { elasticsearchSchema, metricsSchema, traceSchema } from './schema-observability.ts'
import { routesSchema } from './schema-route.ts'
import type { ConfigFile } from './shape.ts'

const advertiseSchema = v.strictObject({
  host: text(
    { en: 'Address that other nodes reach this one by.', zh: '其他节点访问本节点的地址。', default: 'found out' },
    255,
  ),
  interface: text(
    { en: 'Name of the network interface whose address is told, `eth0`.', zh: '使用该网卡的地址,如 `eth0`。' },
    64,
  ),
  cidr: text(
    { en: 'The first own address within, `10.0.0.0/8`.', zh: '使用该网段内的第一个地址,如 `10.0.0.0/8`。' },
    64,
  ),
  httpPort: port({
    en: 'HTTP port that is told, behind port mapping.',
    zh: '对外公布的 HTTP 端口(端口映射时)。',
    default: 'httpPort',
  }),
  rpcPort: port({
    en: 'RPC port that is told, behind port mapping.',
    zh: '对外公布的 RPC 端口(端口映射时)。',
    default: 'rpcPort',
  }),
})

const tlsSchema = v.strictObject({
  ca: text({ en: 'Path of the PEM file of the authority.', zh: 'CA 证书(PEM)路径。', default: 'the system’s' }),
  cert: text({ en: 'Path of the PEM file of the client certificate.', zh: '客户端证书(PEM)路径。' }),
  key: text({ en: 'Path of the PEM file of its key.', zh: '客户端私钥(PEM)路径。' }),
  serverName: text({
    en: 'Name that the certificate of etcd must carry.',
    zh: 'etcd 证书应有的名称。',
    default: 'the host of the address',
  }),
})

export const configSchema: v.GenericSchema<ConfigFile> = v.strictObject({
  projectName: text(
    {
      en: 'Name that all services which see each other share. No `_`.',
      zh: '所有服务所属项目名称,不能含 `_`。',
      default: 'goms',
    },
    64,
  ),
  callServiceKey: text({
    en: 'The secret that services and gateways show each other. At least 8 bytes in production.',
    zh: '服务调用安全验证 key,生产环境至少 8 字节。',
    default: 'none; with `embedded` a random one',
  }),
  admit: choice(
    {
      en: 'Whose RPC calls are served: `keyed` (callers with the key), or `go` (those without any key too, as Go nodes call).',
      zh: '接受谁的 RPC 调用:`keyed` 只接受带 key 的调用方,`go` 也接受不带 key 的 Go 节点。',
      default: 'keyed',
    },
    ['keyed', 'go'],
  ),
  registry: text(
    {
      en: 'Where nodes find each other: `memory`, `embedded` or `etcd://[user:password@]host:port,host:port`.',
      zh: '注册中心:`memory`、`embedded` 或 `etcd://[用户:密码@]主机:端口,主机:端口`。',
      default: 'embedded; etcd where etcdAddr is given',
      help: 'write memory, embedded, or etcd://10.0.0.1:2379,10.0.0.2:2379',
    },
    4096,
  ),
  etcdAddr: list(
    {
      en: 'Addresses of etcd, `host:port`: a list, or one text with `|`.',
      zh: 'etcd 地址,集群可多行填写,或用 `|` 分隔。',
      aliases: ['etcdAddress'],
    },
    'host:port or a list of them',
  ),
  etcdUser: text({ en: 'User of etcd.', zh: 'etcd 用户。' }),
  etcdPassword: text({ en: 'Password of etcd. Better in the environment.', zh: 'etcd 密码,建议放在环境变量中。' }),
  etcdTls: block(tlsSchema, {
    en: 'TLS to etcd; an empty block `{}` uses the authorities of the system.',
    zh: '到 etcd 的 TLS;`{}` 表示使用系统 CA。',
  }),
  embeddedPort: port({
    en: 'First port of the embedded registry on loopback.',
    zh: '内置注册中心在本机的第一个端口。',
    default: '24379',
  }),
  registryDialect: choice(
    { en: 'How our keys in etcd are written.', zh: 'etcd 中键的写法。', default: 'goms; go-garden for its files' },
    ['goms', 'go-garden'],
  ),
  registryTimeout: duration(
    {
      en: 'How long a starting process tries to reach the registry.',
      zh: '启动时连接注册中心的时间上限。',
      default: '10000',
      aliases: ['registryTimeoutMs'],
    },
    100,
    3_600_000,
  ),
  leaseTtl: duration(
    {
      en: 'Lease of a registration: how soon a node that died without a word is gone.',
      zh: '注册租约:节点异常退出后多久被移除。',
      default: '10000',
      aliases: ['leaseTtlMs'],
    },
    1000,
    600_000,
  ),
  httpPort: port({
    en: 'HTTP port to listen on; 0 is chosen by the system.',
    zh: 'HTTP 监听端口,0 表示由系统选择。',
    default: 'gateway 8080, services 0',
  }),
  rpcPort: port({
    en: 'RPC port to listen on; 0 is chosen by the system.',
    zh: 'RPC 监听端口,0 表示由系统选择。',
    default: 'gateway 8180, services 0',
  }),
  host: text({ en: 'Address to listen on.', zh: '监听地址。', default: 'all with etcd, else 127.0.0.1' }, 255),
  advertise: block(advertiseSchema, {
    en: 'What addresses a node tells the others.',
    zh: '节点向其他节点公布的地址。',
  }),
  adminHost: text({ en: 'Address of the admin listener.', zh: '管理端口监听地址。', default: '127.0.0.1' }, 255),
  adminPort: portOrOff({
    en: 'Port of the admin listener, or `off`.',
    zh: '管理端口,`off` 关闭。',
    default: 'rpcPort + 10000, or a free one',
  }),
  services: block(
    routesSchema,
    {
      en: 'Routes: `services.<service>.<action>` is a path or a block.',
      zh: '服务路由:`services.<服务>.<动作>` 为路径或配置块。',
      aliases: ['routes'],
    },
    'services, each with its actions',
  ),
  publishRoutes: toggle({
    en: 'A save of the files that changes routes, or a default of all routes, shares them with all processes of the project.',
    zh: '保存配置文件且路由或其默认值有变化时,将其共享给项目的所有进程。',
    default: 'false',
  }),
  timeout: duration(
    {
      en: 'Default of all routes, see there.',
      zh: '所有路由的默认值,见路由。',
      default: '10000',
      aliases: ['timeoutMs'],
    },
    1,
    3_600_000,
  ),
  totalTimeout: duration(
    {
      en: 'Default of all routes, see there.',
      zh: '所有路由的默认值,见路由。',
      default: 'none',
      aliases: ['totalTimeoutMs'],
    },
    1,
    86_400_000,
  ),
  retries: integer(
    { en: 'Default of all routes, see there.', zh: '所有路由的默认值,见路由。', default: '1; 2 with `compat: goms`' },
    0,
    10,
  ),
  callRetry: pattern(
    {
      en: 'Waits in milliseconds before the second, third … attempt; sets their number too: `100/200/200`.',
      zh: '第二、三…次尝试之前的等待毫秒数,同时决定重试次数:`100/200/200`。',
      default: 'none; `100/200` with `compat: goms`',
    },
    WAITS,
    'waits in milliseconds such as 100/200/200, at most 10 of at most 99999',
  ),
  retryBusy: toggle({ en: 'Default of all routes, see there.', zh: '所有路由的默认值,见路由。', default: 'false' }),
  limiter: limiter({ en: 'Default of all routes, see there.', zh: '所有路由的默认值,见路由。', default: 'none' }),
  breaker: rate({
    en: 'Default of all routes, see there.',
    zh: '所有路由的默认值,见路由。',
    default: 'none',
    aliases: ['fusing'],
  }),
  callLimit: rate({ en: 'Default of all routes, see there.', zh: '所有路由的默认值,见路由。', default: 'none' }),
  balance: block(
    balanceSchema,
    {
      en: 'How the next node is chosen: a name, or a block with `default` and services: `{ default: p2c, order: { hash: { header: x-user } } }`.',
      zh: '负载均衡:名称,或含 `default` 与各服务的块:`{ default: p2c, order: { hash: { header: x-user } } }`。',
      default: 'round-robin',
    },
    `${BALANCERS.join(', ')}, or { hash: { header | cookie | query: name } }`,
  ),
  compat: choice(
    {
      en: 'Whose codes and texts the gateway’s own failures carry.',
      zh: '网关自身错误采用哪一种状态码与文本。',
      default: 'native',
    },
    ['native', 'goms', 'go-garden'],
  ),
  gateway: block(gatewaySchema, { en: 'Keys of the gateway.', zh: '网关配置。' }),
  drain: duration(
    {
      en: 'How long a leaving node goes on serving while callers learn that it leaves.',
      zh: '节点退出时,在调用方得知之前继续服务的时间。',
      default: String(defaultDrainMs),
      aliases: ['drainMs'],
    },
    0,
    600_000,
  ),
  terminationGrace: duration(
    {
      en: 'The sum of all waits at the end stays below.',
      zh: '退出时所有等待之和的上限。',
      default: '30000',
      aliases: ['terminationGraceMs'],
    },
    100,
    3_600_000,
  ),
  log: choice({ en: 'Lines for people, or JSON.', zh: '日志格式:供人阅读,或 JSON。', default: 'human' }, [
    'human',
    'json',
  ]),
  debug: toggle({ en: 'Debug lines too.', zh: '输出调试日志。', default: 'false' }),
  runtime: text({
    en: 'Directory for log files and what survives a restart.',
    zh: '日志与运行时文件目录。',
    default: 'none is written',
  }),
  trace: block(traceSchema, {
    en: 'Which calls are recorded as traces, and what of them.',
    zh: '链路跟踪:记录哪些调用,记录哪些内容。',
  }),
  metrics: block(metricsSchema, { en: 'Numbers for Prometheus.', zh: 'Prometheus 指标。' }),
  zipkinAddr: text({
    en: 'Address of Zipkin, `http://host:9411/api/v2/spans`.',
    zh: 'zipkin 地址。',
    aliases: ['zipkinAddress'],
  }),
  redisAddr: text({
    en: 'Address of Redis, for services that use it and limits that are shared.',
    zh: 'redis 地址,用于使用它的服务与共享限流。',
  }),
  esAddr: text({ en: 'Address of Elasticsearch.', zh: 'elasticsearch 地址。', aliases: ['elasticsearchAddr'] }),
  elasticsearch: block(elasticsearchSchema, {
    en: 'What goes to `esAddr` by itself.',
    zh: '自动写入 `esAddr` 的内容。',
  }),
  amqpAddr: text({ en: 'Address of RabbitMQ.', zh: 'rabbitmq 地址。', aliases: ['amqpAddress'] }),
  service: block(gardenSchema, {
    en: 'go-garden’s own block; its keys become ours.',
    zh: 'go-garden 的配置块,会映射为以上各项。',
  }),
  config: block(v.record(v.string(), v.unknown()), {
    en: 'Your own keys, given to services as they stand.',
    zh: '用户自定义配置,原样提供给服务。',
  }),
})
