/** `goms config`: the settings in force and the files they were read from; secrets are not shown. */
import { CONFIG_FLAGS } from '../config/flags.ts'
import { loadSettings } from '../config/load.ts'
import { parseArguments } from './args.ts'

export async function run(args: readonly string[]): Promise<number> {
  const { flags } = parseArguments(args, CONFIG_FLAGS)
  const { settings, files, warnings } = await loadSettings({ flags, role: 'tool' })
  for (const warning of warnings) process.stderr.write(`warn: ${warning}\n`)
  process.stderr.write(files.length === 0 ? 'no files, defaults only\n' : `read from ${files.join(', ')}\n`)
  process.stdout.write(`${JSON.stringify(settings, hideSecrets, 2)}\n`)
  return 0
}

function hideSecrets(key: string, value: unknown): unknown {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return null
  return (key === 'callKey' || key === 'password') && value !== undefined ? '…' : value
}
