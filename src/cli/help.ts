/** `goms help`: the commands by group, or one command with its flags; in Chinese where the environment is Chinese. */
import { CONFIG_FLAGS } from '../config/flags.ts'
import { splitCommand } from './args.ts'
import { COMMANDS, type CommandName, isCommand } from './commands.ts'

/** Flags that a command understands beside its own arguments. */
const WITH_FLAGS = new Set(['start', 'dev', 'config'])

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
  const groups = ['Run', 'Look'] as const
  const lines = groups.flatMap((group) => [
    '',
    group === 'Run' ? (zh ? '运行' : 'Run') : zh ? '查看' : 'Look',
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
  if (WITH_FLAGS.has(name)) {
    lines.push(
      '',
      zh
        ? '参数(也可写作 --http-port,或环境变量 GOMS_…,或配置文件中的键)'
        : 'Flags (also as --http-port, as GOMS_… in the environment, or as a key of the files)',
    )
    for (const flag of CONFIG_FLAGS) {
      if (flag.secret) continue
      lines.push(`  -${flag.name.replaceAll('-', '_').padEnd(24)}${zh ? flag.zh : flag.en}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function inChinese(): boolean {
  return /^zh/i.test(process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || '')
}
