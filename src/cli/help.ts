/** `goms help`: the commands by group, or one command with its flags; in Chinese where the environment is Chinese. */
import { CONFIG_FLAGS, type Flag } from '../config/flags.ts'
import { splitCommand } from './args.ts'
import { COMMANDS, type Command, type CommandName, isCommand } from './commands.ts'
import { FLAGS_OF } from './tool-flags.ts'

/** Flags that a command understands beside its own arguments. */
const FLAGS: Readonly<Partial<Record<CommandName, readonly Flag[]>>> = {
  start: CONFIG_FLAGS,
  dev: CONFIG_FLAGS,
  config: CONFIG_FLAGS,
  ...FLAGS_OF,
}

const GROUPS: Readonly<Record<Command['group'], string>> = { Run: '运行', Call: '调用', Look: '查看', Operate: '运维' }

export async function run(args: readonly string[]): Promise<number> {
  const { command } = splitCommand(
    args.filter((arg) => !arg.startsWith('-')),
    Object.keys(COMMANDS),
  )
  process.stdout.write(command !== undefined && isCommand(command) ? helpOf(command) : overview())
  return 0
}

function overview(): string {
  const zh = inChinese()
  const width = Math.max(...Object.values(COMMANDS).map((command) => command.usage.length)) + 2
  const lines = Object.entries(GROUPS).flatMap(([group, inChinese]) => [
    '',
    zh ? inChinese : group,
    ...Object.values(COMMANDS)
      .filter((command) => command.group === group)
      .map((command) => `  ${command.usage.padEnd(width)}${zh ? command.zh : command.en}`),
  ])
  const title = zh ? 'goms:微服务框架' : 'goms: microservices for Node'
  const more = zh ? '参数:goms help <命令>' : 'Flags: goms help <command>'
  return `${[title, ...lines, '', more].join('\n')}\n`
}

function helpOf(name: CommandName): string {
  const zh = inChinese()
  const command = COMMANDS[name]
  const lines = [command.usage, `  ${zh ? command.zh : command.en}`]
  const flags = FLAGS[name]
  if (flags !== undefined) {
    lines.push(
      '',
      zh
        ? '参数(也可写作 --http-port,或环境变量 GOMS_…,或配置文件中的键)'
        : 'Flags (also as --http-port, as GOMS_… in the environment, or as a key of the files)',
    )
    for (const flag of flags) {
      if (flag.secret) continue
      lines.push(`  -${flag.name.replaceAll('-', '_').padEnd(24)}${zh ? flag.zh : flag.en}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function inChinese(): boolean {
  return /^zh/i.test(process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || '')
}
