/** Arguments that a command cannot do with. */
import { GomsError } from '../core/errors.ts'
import { COMMANDS, type CommandName } from './commands.ts'

export function usageMistake(command: CommandName, expected: string, positionals: readonly string[]): GomsError {
  const found = positionals.length === 0 ? 'none' : positionals.join(' ').slice(0, 200)
  return new GomsError('GOMS_USAGE', `${command}: expected ${expected}, got ${found}`, {
    detail: { fix: COMMANDS[command].usage },
  })
}
