/**
 * Command-line arguments as people coming from Go and from Node write them: `-http_port 8080`, `--http-port 8080`,
 * `--http_port=8080` are one flag. Below the spelling it is `parseArgs` of node:util.
 */
import { parseArgs } from 'node:util'
import { didYouMean } from '../config/did-you-mean.ts'
import { expectedOf, type Flag, type FlagValue, parseFlag } from '../config/flags.ts'
import { GomsError } from '../core/errors.ts'

export interface Arguments {
  /** By flag name, `http-port`; only what was given. The last one counts, lists add up. */
  readonly flags: Readonly<Record<string, FlagValue>>
  readonly positionals: readonly string[]
}

/** The command and what is left for it. A line that begins with a flag has no command. */
export interface CommandLine {
  readonly command: string | undefined
  readonly rest: readonly string[]
}

/** @throws GomsError GOMS_USAGE for a command that is none of `commands` */
export function splitCommand(argv: readonly string[], commands: readonly string[]): CommandLine {
  const [first, ...rest] = argv
  if (first === undefined || first.startsWith('-')) return { command: undefined, rest: argv }
  if (commands.includes(first)) return { command: first, rest }
  const near = didYouMean(first, commands)
  throw usage(`unknown command ${JSON.stringify(first.slice(0, 80))}`, {
    found: first,
    fix:
      near === undefined
        ? [`commands: ${commands.join(', ')}`]
        : [`did you mean "${near}"?`, `commands: ${commands.join(', ')}`],
  })
}

/**
 * Reads the arguments of one command. `-x` with one letter is a short flag, nothing is bundled; `--no-x` is a boolean's
 * false; behind `--` everything is a positional; `-` alone and negative numbers are positionals.
 * @throws GomsError GOMS_USAGE for unknown flags, missing, superfluous or malformed values
 */
export function parseArguments(argv: readonly string[], flags: readonly Flag[]): Arguments {
  const { values, positionals } = parsed(normalised(argv, flags), flags)
  const result: Record<string, FlagValue> = {}
  for (const flag of flags) {
    const given = values[flag.name]
    if (given !== undefined) result[flag.name] = flagValue(flag, given)
  }
  return { flags: result, positionals }
}

type Given = readonly (string | boolean)[]

function parsed(args: string[], flags: readonly Flag[]): { values: Record<string, Given>; positionals: string[] } {
  const options = Object.fromEntries(
    flags.map((flag) => [
      flag.name,
      { type: flag.kind === 'boolean' ? ('boolean' as const) : ('string' as const), multiple: true as const },
    ]),
  )
  try {
    const { values, positionals } = parseArgs({
      args,
      options,
      allowPositionals: true,
      allowNegative: true,
      strict: true,
    })
    return { values: values as Record<string, Given>, positionals }
  } catch (error) {
    // What is left after our own checks: a value that looks like a flag, or none at all.
    throw usage(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error), {})
  }
}

/** The same arguments with our spelling of the flags. */
function normalised(argv: readonly string[], flags: readonly Flag[]): string[] {
  const byName = new Map(flags.map((flag) => [bare(flag.name), flag]))
  const byShort = new Map(flags.filter((flag) => flag.short !== undefined).map((flag) => [flag.short, flag]))
  const out: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const token = argv[i] as string
    const match = /^(--?)([A-Za-z][^=]*)(?:=(.*))?$/s.exec(token)
    if (match === null) {
      if (token === '--') return [...out, ...argv.slice(i)]
      // parseArgs would take `-5` for a flag; in front of the others it keeps its place among the positionals.
      if (/^-[^A-Za-z-]/.test(token)) return [...out, ...behind(argv, i, flags)]
      out.push(token)
      continue
    }
    const [, dashes, name = '', value] = match
    const flag = name.length === 1 && dashes === '-' ? byShort.get(name) : byName.get(bare(name))
    if (flag === undefined) {
      const negated = /^no[-_](.+)$/i.exec(name)?.[1]
      const positive = negated === undefined ? undefined : byName.get(bare(negated))
      if (positive?.kind !== 'boolean' || value !== undefined) throw unknownFlag(token, name, flags)
      out.push(`--no-${positive.name}`)
      continue
    }
    if (flag.secret === true) throw secretFlag(token, flag)
    if (flag.kind === 'boolean') {
      out.push(booleanToken(flag, token, value))
      continue
    }
    const text = value ?? argv[++i]
    if (text === undefined || (value === undefined && /^--?[A-Za-z]/.test(text) && isFlag(text, byName, byShort))) {
      throw usage(`${shownFlag(token)} needs a value: ${expectedOf(flag)}`, {
        expected: expectedOf(flag),
        fix: [`for example ${shownFlag(token)} ${exampleOf(flag)}`],
      })
    }
    out.push(`--${flag.name}=${text}`)
  }
  return out
}

/** From a negative number on: its neighbours still may be flags, so only the number moves behind `--`. */
function behind(argv: readonly string[], at: number, flags: readonly Flag[]): string[] {
  const rest = normalised(argv.slice(at + 1), flags)
  const split = rest.indexOf('--')
  const before = split === -1 ? rest : rest.slice(0, split)
  const named = before.filter((token) => token.startsWith('--'))
  const plain = before.filter((token) => !token.startsWith('--'))
  return [...named, '--', argv[at] as string, ...plain, ...(split === -1 ? [] : rest.slice(split + 1))]
}

function booleanToken(flag: Flag, token: string, value: string | undefined): string {
  const on = value === undefined ? true : parseFlag(flag, value)
  if (on === undefined) throw malformed(flag, shownFlag(token), value ?? '')
  return on === true ? `--${flag.name}` : `--no-${flag.name}`
}

function isFlag(
  text: string,
  byName: ReadonlyMap<string, Flag>,
  byShort: ReadonlyMap<string | undefined, Flag>,
): boolean {
  const name = text.replace(/^--?/, '').split('=')[0] ?? ''
  return byName.has(bare(name)) || byShort.has(name)
}

function flagValue(flag: Flag, given: Given): FlagValue {
  const last = given.at(-1)
  if (typeof last === 'boolean') return last
  const texts = given.map(String)
  if (flag.kind === 'list') {
    return texts.flatMap((text) => {
      const parts = parseFlag(flag, text)
      if (parts === undefined) throw malformed(flag, `-${flag.name.replaceAll('-', '_')}`, text)
      return parts as readonly string[]
    })
  }
  const text = texts.at(-1) ?? ''
  const value = parseFlag(flag, text)
  if (value === undefined) throw malformed(flag, `-${flag.name.replaceAll('-', '_')}`, text)
  return value
}

function malformed(flag: Flag, name: string, text: string): GomsError {
  const expected = expectedOf(flag)
  const near = didYouMean(text, flag.choices ?? [])
  return usage(`expected ${name} to be ${expected}, got \`${JSON.stringify(text.slice(0, 80))}\``, {
    expected,
    found: text,
    fix: near === undefined ? [] : [`did you mean "${near}"?`],
  })
}

function unknownFlag(token: string, name: string, flags: readonly Flag[]): GomsError {
  const open = flags.filter((flag) => flag.secret !== true)
  const near = didYouMean(
    name,
    open.map((flag) => flag.name),
  )
  const spelled = token.startsWith('--') ? `--${near}` : `-${near?.replaceAll('-', '_')}`
  return usage(`unknown flag ${JSON.stringify(shownFlag(token).slice(0, 80))}`, {
    found: shownFlag(token),
    fix: near === undefined ? ['see `goms help` for the flags of this command'] : [`did you mean "${spelled}"?`],
  })
}

function secretFlag(token: string, flag: Flag): GomsError {
  return usage(`${shownFlag(token)} is no flag, since everybody on the machine could read it`, {
    fix: [`set ${flag.env} in the environment, or ${flag.key?.join('.')} in configs/config.yml`],
  })
}

function shownFlag(token: string): string {
  return token.split('=')[0] ?? token
}

function exampleOf(flag: Flag): string {
  const examples: Readonly<Record<string, string>> = {
    port: '8080',
    'port-or-off': 'off',
    'integer-or-auto': 'auto',
    integer: '1',
    duration: '2000',
    list: '"127.0.0.1:2379|127.0.0.1:2380"',
  }
  return flag.choices?.[0] ?? examples[flag.kind] ?? `<${flag.name}>`
}

function bare(name: string): string {
  return name.replace(/[-_]/g, '').toLowerCase()
}

function usage(message: string, detail: { found?: string; expected?: string; fix?: readonly string[] }): GomsError {
  return new GomsError('GOMS_USAGE', message, { detail })
}
