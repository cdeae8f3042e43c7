#!/usr/bin/env node
/** The command `goms`: finds the command, runs it, and turns whatever goes wrong into one message and an exit code. */
import * as nodeModule from 'node:module'
import { parseArguments, splitCommand } from './args.ts'
import { COMMANDS, type CommandName, isCommand } from './commands.ts'
import { printError } from './error-output.ts'

/** A command's module: `run` resolves to the exit code, or to undefined while its nodes keep running. */
interface CommandModule {
  run(args: readonly string[]): Promise<number | undefined>
}

const MODULES: Readonly<Record<CommandName | 'version', () => Promise<CommandModule>>> = {
  start: () => import('./start.ts'),
  dev: () => import('./dev.ts'),
  demo: () => import('./demo.ts'),
  call: () => import('./call.ts'),
  nodes: () => import('./nodes.ts'),
  services: () => import('./services.ts'),
  trace: () => import('./trace.ts'),
  events: () => import('./events.ts'),
  config: () => import('./config.ts'),
  routes: () => import('./routes.ts'),
  help: () => import('./help.ts'),
  version: () => import('./version.ts'),
}

async function main(argv: readonly string[]): Promise<number | undefined> {
  const [first = '--help'] = argv
  if (first === '--version' || first === '-v') return runModule('version', [])
  if (first === '--help' || first === '-h') return runModule('help', argv)
  const { command, rest } = splitCommand(argv, Object.keys(COMMANDS))
  // A line that begins with a flag: said as unknown, since no flag stands alone.
  if (command === undefined || !isCommand(command)) {
    parseArguments(argv, [])
    return runModule('help', [])
  }
  if (rest.includes('--help') || rest.includes('-h')) return runModule('help', [command])
  return runModule(command, rest)
}

async function runModule(name: CommandName | 'version', args: readonly string[]): Promise<number | undefined> {
  const { run } = await MODULES[name]()
  return run(args)
}

// From Node 22.8 on: the second start of a node skips compiling what the first one compiled.
Reflect.get(nodeModule, 'enableCompileCache')?.()

try {
  const code = await main(process.argv.slice(2))
  if (code !== undefined) process.exitCode = code
} catch (error) {
  process.exit(printError(error))
}
