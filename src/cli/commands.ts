/** The commands: what each is for in one line, in both languages. `main.ts` loads the one that is asked for. */

export interface Command {
  readonly group: 'Run' | 'Call' | 'Look' | 'Operate'
  readonly usage: string
  readonly en: string
  readonly zh: string
}

export type CommandName =
  | 'start'
  | 'dev'
  | 'demo'
  | 'call'
  | 'nodes'
  | 'services'
  | 'trace'
  | 'events'
  | 'routes'
  | 'config'
  | 'help'

export const COMMANDS: Readonly<Record<CommandName, Command>> = {
  start: {
    group: 'Run',
    usage: 'goms start <service file> [flags]',
    en: 'run one node of a service or gateway',
    zh: '启动一个服务节点或网关节点',
  },
  dev: {
    group: 'Run',
    usage: 'goms dev <service file>[:<nodes>] … [flags]',
    en: 'run many nodes in one terminal, on the embedded registry unless another is chosen',
    zh: '在一个终端里启动多个节点,默认使用内置注册中心',
  },
  demo: {
    group: 'Run',
    usage: 'goms demo',
    en: 'run the shop: one gateway, three user nodes, two order nodes, one for mail',
    zh: '运行示例商店:一个网关、三个 user 节点、两个 order 节点、一个 mail 节点',
  },
  call: {
    group: 'Call',
    usage: 'goms call <service>.<method> [<json> | <name>=<value> … | -] [flags]',
    en: 'call a method, and print what it answers',
    zh: '调用一个方法并打印结果',
  },
  nodes: {
    group: 'Look',
    usage: 'goms nodes [service] [-watch] [flags]',
    en: 'show the nodes that are registered',
    zh: '显示已注册的节点',
  },
  services: {
    group: 'Look',
    usage: 'goms services [service] [flags]',
    en: 'show what the services offer: methods, actions, policies',
    zh: '显示各服务提供的方法、动作与策略',
  },
  trace: {
    group: 'Look',
    usage: 'goms trace <trace id> | - [flags]',
    en: 'show what Zipkin knows of a request, as a waterfall',
    zh: '以瀑布图显示 Zipkin 中一个请求的链路',
  },
  events: {
    group: 'Operate',
    usage: 'goms events dead [service] | replay <service> <id> … [flags]',
    en: 'show events that could not be handled, or deliver them again',
    zh: '查看未能处理的事件(死信),或重新投递',
  },
  routes: {
    group: 'Operate',
    usage: 'goms routes [push <file> … | history | rollback [<number>] | withdraw]',
    en: 'show or change the routes that all processes share',
    zh: '查看或更改所有进程共享的路由',
  },
  config: {
    group: 'Look',
    usage: 'goms config [flags]',
    en: 'show the settings that files, environment and flags give, without secrets',
    zh: '显示由文件、环境变量与参数得出的配置(不含密钥)',
  },
  help: {
    group: 'Look',
    usage: 'goms help [command]',
    en: 'show the commands, or the flags of one',
    zh: '显示命令列表,或某个命令的参数',
  },
}

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}
