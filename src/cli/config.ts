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

const SECRET_KEYS = new Set(['callKey', 'password'])

/** Of what the user keeps under `config:` only the names are shown: which of it is secret is not known here. */
function hideSecrets(key: string, value: unknown): unknown {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return null
  if (SECRET_KEYS.has(key)) return '…'
  if (key === 'user' && typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.keys(value).map((name) => [name, '…']))
  }
  return typeof value === 'string' ? value.replace(/(:\/\/)[^/@\s]*@/, '$1…@') : value
}
