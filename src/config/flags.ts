/**
 * The flags that set configuration: each is also an environment variable and a key of the files. Imports neither YAML
 * nor schemas, so that help and completion stay quick.
 */
import { BALANCERS } from '../core/options.ts'

/** What a flag takes. */
export type FlagKind =
  | 'text'
  | 'list'
  | 'port'
  | 'port-or-off'
  | 'integer'
  | 'integer-or-auto'
  | 'duration'
  | 'boolean'
  | 'choice'

export interface Flag {
  /** With `-`: `http-port`. Understood as `-http_port`, `--http-port`, `--http_port=…` too. */
  readonly name: string
  /** One letter, `c`. */
  readonly short?: string
  /** Where it goes in the files' shape; none for what is no key (`configs`). */
  readonly key?: readonly string[]
  /** Name of the environment variable; none for flags of a single command. */
  readonly env?: string
  readonly kind: FlagKind
  readonly choices?: readonly string[]
  /** Environment only: what stands on a command line is seen by everyone on the machine. */
  readonly secret?: boolean
  readonly en: string
  readonly zh: string
}

function flag(name: string, key: string, kind: FlagKind, en: string, zh: string, more: Partial<Flag> = {}): Flag {
  return { name, key: key.split('.'), env: `GOMS_${name.replaceAll('-', '_').toUpperCase()}`, kind, en, zh, ...more }
}

/** The directory of the files: no key, since it says where the keys are. */
export const CONFIGS_FLAG: Flag = {
  name: 'configs',
  env: 'GOMS_CONFIGS',
  kind: 'text',
  en: 'directory of config.yml, services.yml, routes.yml (default configs)',
  zh: '配置文件目录(默认 configs)',
}

/** In the order of the help. */
export const CONFIG_FLAGS: readonly Flag[] = [
  CONFIGS_FLAG,
  flag('http-port', 'httpPort', 'port', 'HTTP port, 0 for any free one', 'http 监听端口,0 为任意空闲端口'),
  flag('rpc-port', 'rpcPort', 'port', 'RPC port, 0 for any free one', 'rpc 监听端口,0 为任意空闲端口'),
  flag(
    'registry',
    'registry',
    'text',
    'memory, embedded, or etcd://host:port,host:port',
    '注册中心:memory、embedded 或 etcd://主机:端口',
  ),
  flag(
    'etcd-addr',
    'etcdAddr',
    'list',
    'etcd, "host:port|host:port"',
    'etcd 服务地址,集群格式 "127.0.0.1:2379|127.0.0.1:2380"',
  ),
  flag('etcd-user', 'etcdUser', 'text', 'user of etcd', 'etcd 用户'),
  flag('etcd-password', 'etcdPassword', 'text', 'password of etcd', 'etcd 密码', { secret: true }),
  flag('project-name', 'projectName', 'text', 'project whose services see each other', '项目名称'),
  flag('call-service-key', 'callServiceKey', 'text', 'the secret between services', '服务调用安全验证 key', {
    secret: true,
  }),
  flag('admit', 'admit', 'choice', 'whose RPC calls are served: keyed or go', '接受谁的 RPC 调用:keyed 或 go', {
    choices: ['keyed', 'go'],
  }),
  flag('host', 'host', 'text', 'address to listen on', '监听地址'),
  flag('advertise-host', 'advertise.host', 'text', 'address that other nodes reach this one by', '对外公布的地址'),
  flag(
    'advertise-interface',
    'advertise.interface',
    'text',
    'network interface whose address is told',
    '对外公布该网卡的地址',
  ),
  flag('advertise-cidr', 'advertise.cidr', 'text', 'first own address within', '对外公布该网段内的地址'),
  flag('advertise-http-port', 'advertise.httpPort', 'port', 'HTTP port that is told', '对外公布的 http 端口'),
  flag('advertise-rpc-port', 'advertise.rpcPort', 'port', 'RPC port that is told', '对外公布的 rpc 端口'),
  flag('admin-host', 'adminHost', 'text', 'address of the admin listener', '管理端口监听地址'),
  flag('admin-port', 'adminPort', 'port-or-off', 'port of the admin listener, or off', '管理端口,off 关闭'),
  flag('runtime', 'runtime', 'text', 'directory for log files', '日志目录'),
  flag('log', 'log', 'choice', 'human or json', '日志格式:human 或 json', { choices: ['human', 'json'] }),
  flag('debug', 'debug', 'boolean', 'debug lines too', '输出调试日志'),
  flag(
    'compat',
    'compat',
    'choice',
    'whose error codes: native, goms, go-garden',
    '错误码兼容:native、goms、go-garden',
    {
      choices: ['native', 'goms', 'go-garden'],
    },
  ),
  flag(
    'workers',
    'gateway.workers',
    'integer-or-auto',
    'processes of a gateway, or auto',
    '网关进程数,auto 为每核一个',
  ),
  flag('cluster', 'gateway.cluster', 'choice', 'who may read /cluster: private, public, off', '谁可以查看 /cluster', {
    choices: ['private', 'public', 'off'],
  }),
  flag('publish-routes', 'publishRoutes', 'boolean', 'share routes when the files are saved', '保存配置文件时共享路由'),
  flag('timeout', 'timeout', 'duration', 'milliseconds until the answer begins', '调用超时毫秒数'),
  flag('retries', 'retries', 'integer', 'further attempts after the first', '重试次数'),
  flag('call-retry', 'callRetry', 'text', 'waits before further attempts, 100/200/200', '重试等待毫秒数,100/200/200'),
  flag('limiter', 'limiter', 'text', 'default limiter, 5/100', '默认限流,5/100'),
  flag('breaker', 'breaker', 'text', 'default breaker, 5/100', '默认熔断,5/100'),
  flag('call-limit', 'callLimit', 'text', 'default limit per route, 5/100', '默认路由限制,5/100'),
  flag('balance', 'balance', 'choice', 'how the next node is chosen', '负载均衡策略', {
    choices: BALANCERS,
  }),
  flag('embedded-port', 'embeddedPort', 'port', 'first port of the embedded registry', '内置注册中心端口'),
  flag('registry-dialect', 'registryDialect', 'choice', 'how keys in etcd are written', 'etcd 键的写法', {
    choices: ['goms', 'go-garden'],
  }),
  flag(
    'registry-timeout',
    'registryTimeout',
    'duration',
    'milliseconds to reach the registry at the start',
    '启动时连接注册中心的毫秒数',
  ),
  flag('lease-ttl', 'leaseTtl', 'duration', 'milliseconds until a silent node is gone', '注册租约毫秒数'),
  flag('drain', 'drain', 'duration', 'milliseconds of serving after deregistration', '注销后继续服务的毫秒数'),
  flag(
    'lb-drain',
    'gateway.lbDrain',
    'duration',
    'milliseconds a leaving gateway takes new connections',
    '网关退出时继续接受新连接的毫秒数',
  ),
  flag('termination-grace', 'terminationGrace', 'duration', 'milliseconds in which a process ends', '退出总时限毫秒数'),
  flag('zipkin-addr', 'zipkinAddr', 'text', 'address of Zipkin', 'zipkin 地址'),
  flag('redis-addr', 'redisAddr', 'text', 'address of Redis', 'redis 地址'),
  flag('es-addr', 'esAddr', 'text', 'address of Elasticsearch', 'elasticsearch 地址'),
  flag('amqp-addr', 'amqpAddr', 'text', 'address of RabbitMQ', 'rabbitmq 地址'),
]

/** A value of a flag as it arrives from `args.ts`, or from a program that starts goms itself. */
export type FlagValue = string | number | boolean | readonly string[]

/** What a flag expects, for messages. */
export function expectedOf(flag: Flag): string {
  switch (flag.kind) {
    case 'port':
      return 'a port from 0 to 65535'
    case 'port-or-off':
      return 'a port from 0 to 65535 or "off"'
    case 'integer':
      return 'a whole number'
    case 'integer-or-auto':
      return 'a whole number or "auto"'
    case 'duration':
      return 'whole milliseconds'
    case 'boolean':
      return 'true or false'
    case 'choice':
      return `one of ${(flag.choices ?? []).join(', ')}`
    case 'list':
      return 'a list such as "127.0.0.1:2379|127.0.0.1:2380"'
    default:
      return 'a text'
  }
}

/** The text of a flag or variable as its value; undefined where it is none of that kind. */
export function parseFlag(flag: Flag, text: string): FlagValue | undefined {
  switch (flag.kind) {
    case 'port':
      return portOf(text)
    case 'port-or-off':
      return text === 'off' ? 'off' : portOf(text)
    case 'integer-or-auto':
      return text === 'auto' ? 'auto' : integerOf(text)
    case 'integer':
    case 'duration':
      return integerOf(text)
    case 'boolean':
      return booleanOf(text)
    case 'choice':
      return flag.choices?.includes(text) === true ? text : undefined
    case 'list': {
      // Not an empty list: `-etcd_addr "$ETCD"` without that variable would quietly choose another registry.
      const parts = splitList(text)
      return parts.length === 0 ? undefined : parts
    }
    default:
      return text === '' ? undefined : text
  }
}

function integerOf(text: string): number | undefined {
  return /^\d{1,12}$/.test(text) ? Number(text) : undefined
}

function portOf(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}

function booleanOf(text: string): boolean | undefined {
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : undefined
}

/** `a|b` and `a,b` are two; empty parts are none. */
export function splitList(text: string): readonly string[] {
  return text
    .split(/[|,]/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
