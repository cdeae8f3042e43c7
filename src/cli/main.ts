#!/usr/bin/env node
/** The command `goms`: finds the command, runs it, and turns whatever goes wrong into one message and an exit code. */
import { splitCommand } from './args.ts'
import { COMMANDS } from './commands.ts'
import { printError } from './error-output.ts'

/** Where a command may write and what it goes by. */
async function main(argv: readonly string[]): Promise<number | undefined> {
  const [first] = argv
  if (first === '--version' || first === '-v') return (await import('./version.ts')).run()
  if (first === undefined || first === '--help' || first === '-h') return (await import('./help.ts')).run(argv)
  const { command, rest } = splitCommand(argv, Object.keys(COMMANDS))
  const { run } = await (COMMANDS[command ?? 'help'] ?? COMMANDS.help).load()
  return run(rest)
}

try {
  const code = await main(process.argv.slice(2))
  if (code !== undefined) process.exitCode = code
} catch (error) {
  process.exit(printError(error))
}
