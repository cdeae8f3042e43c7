/** Flags of the commands that look at a cluster or call into it. */
import { CONFIG_FLAGS, type Flag } from '../config/flags.ts'

/** Where the cluster is. Secrets are among them, so that a mistaken use is explained. */
const NAMES = [
  ...['configs', 'registry', 'etcd-addr', 'etcd-user', 'etcd-password', 'project-name', 'call-service-key'],
  ...['embedded-port', 'registry-timeout', 'debug'],
]

export const TOOL_FLAGS: readonly Flag[] = CONFIG_FLAGS.filter(({ name }) => NAMES.includes(name))

const JSON_FLAG: Flag = {
  name: 'json',
  kind: 'boolean',
  en: 'JSON for programs',
  zh: '输出供程序读取的 JSON',
}

const own = (name: string): Flag[] => CONFIG_FLAGS.filter((flag) => flag.name === name)

/** The flags of each tool, its own first. */
export const FLAGS_OF: Readonly<
  Record<'call' | 'nodes' | 'services' | 'trace' | 'events' | 'routes', readonly Flag[]>
> = {
  call: [
    {
      name: 'node',
      kind: 'text',
      en: 'only this node: id, its beginning, or host:port',
      zh: '只调用该节点:id、id 前缀或 主机:端口',
    },
    ...own('timeout'),
    ...own('retries'),
    JSON_FLAG,
    ...TOOL_FLAGS,
  ],
  nodes: [
    { name: 'watch', short: 'w', kind: 'boolean', en: 'go on, and show every change', zh: '持续显示变化' },
    JSON_FLAG,
    ...TOOL_FLAGS,
  ],
  services: [JSON_FLAG, ...TOOL_FLAGS],
  events: [
    { name: 'all', kind: 'boolean', en: 'replay all dead letters of the service', zh: '重新投递该服务的全部死信' },
    {
      name: 'limit',
      kind: 'integer',
      en: 'dead letters of each service that are shown (default 100)',
      zh: '每个服务显示的死信数(默认 100)',
    },
    JSON_FLAG,
    ...own('amqp-addr'),
    ...TOOL_FLAGS,
  ],
  trace: [
    {
      name: 'wait',
      kind: 'duration',
      en: 'milliseconds for the trace to arrive and to be complete (default 0)',
      zh: '等待链路到达并完整的毫秒数(默认 0)',
    },
    { name: 'tags', kind: 'boolean', en: 'the tags of every span too', zh: '同时显示每个 span 的标签' },
    JSON_FLAG,
    ...own('zipkin-addr'),
    ...own('configs'),
  ],
  routes: [
    { name: 'dry-run', kind: 'boolean', en: 'show the difference, and change nothing', zh: '只显示差异,不做更改' },
    { name: 'strict', kind: 'boolean', en: 'warnings are errors', zh: '将警告视为错误' },
    { name: 'message', short: 'm', kind: 'text', en: 'why, for the history', zh: '写入历史的说明' },
    JSON_FLAG,
    ...TOOL_FLAGS,
  ],
}
