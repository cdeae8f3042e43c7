/** Mistakes in a configuration: collected, so that one start shows them all, and turned into one error at the end. */
import { GomsError, type SetupCode } from '../core/errors.ts'
import { frameOf, masked, placeOf, type Source } from './frame.ts'

/** Where a value came from. */
export type Origin =
  | {
      readonly kind: 'file'
      readonly source: Source
      /** Keys as the person wrote them: `routes.user.login.fusing`. */
      readonly written: string
      /** Offsets of the key and of the value in the text. */
      readonly key: readonly [number, number]
      readonly value: readonly [number, number]
    }
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'env'; readonly name: string }
  /** A set of shared routes: `routes number 7`. */
  | { readonly kind: 'shared'; readonly name: string }

export interface Mistake {
  readonly code: SetupCode
  readonly message: string
  readonly origin?: Origin | undefined
  /** Which part of the origin the caret goes under. @default 'value' */
  readonly at?: 'key' | 'value'
  /** Behind the caret. */
  readonly label?: string | undefined
  readonly expected?: string | undefined
  readonly found?: string | undefined
  readonly fix?: readonly string[]
}

/** Mistakes of one start; more are of no use to anybody. */
const MAX_SHOWN = 20

/** `configs/services.yml:8:26`, `flag -http_port` or `environment variable GOMS_HTTP_PORT`. */
export function placeOfOrigin(origin: Origin, at: 'key' | 'value' = 'value'): string {
  if (origin.kind === 'file') return placeOf(origin.source, origin[at][0])
  if (origin.kind === 'shared') return origin.name
  return origin.kind === 'flag' ? `flag ${origin.name}` : `environment variable ${origin.name}`
}

/** How a message names the value: by the key as written, the flag or the variable. */
export function nameOfOrigin(origin: Origin | undefined, path: readonly string[]): string {
  if (origin === undefined || origin.kind === 'shared') return path.join('.')
  return origin.kind === 'file' ? origin.written : origin.name
}

/** A value as messages show it: short, on one line, with its kind where that is not plain to see. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return `\`${masked(JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}…` : value))}\``
  if (value === null || value === undefined) return 'nothing'
  if (typeof value === 'number' || typeof value === 'boolean') return `\`${value}\` (${typeof value})`
  return Array.isArray(value) ? 'a list' : 'a block'
}

/** One error for one mistake; the first one with all of them as its cause (an AggregateError) for several. */
export function toError(mistakes: readonly Mistake[]): GomsError {
  const errors = sorted(mistakes).slice(0, MAX_SHOWN).map(errorOf)
  const first = errors[0] ?? new GomsError('GOMS_CONFIG_INVALID', 'configuration: no mistake to show')
  if (errors.length === 1) return first
  return new GomsError(first.code, `${first.message} (and ${mistakes.length - 1} more)`, {
    ...(first.detail === undefined ? {} : { detail: first.detail }),
    cause: new AggregateError(errors, `${mistakes.length} mistakes in the configuration`),
  })
}

function errorOf(mistake: Mistake): GomsError {
  const { origin, at = 'value', label } = mistake
  const frame =
    origin === undefined
      ? undefined
      : origin.kind === 'file'
        ? frameOf(origin.source, origin[at][0], origin[at][1], label)
        : `  --> ${placeOfOrigin(origin)}`
  return new GomsError(mistake.code, mistake.message, {
    detail: {
      ...(mistake.found === undefined ? {} : { found: mistake.found }),
      ...(mistake.expected === undefined ? {} : { expected: mistake.expected }),
      ...(mistake.fix === undefined || mistake.fix.length === 0 ? {} : { fix: mistake.fix }),
      ...(frame === undefined ? {} : { frame }),
    },
  })
}

/** By file in the order of reading, then by place; what comes from flags and the environment first. */
function sorted(mistakes: readonly Mistake[]): readonly Mistake[] {
  const files: Source[] = []
  for (const { origin } of mistakes) {
    if (origin?.kind === 'file' && !files.includes(origin.source)) files.push(origin.source)
  }
  const order = (m: Mistake): number => (m.origin?.kind === 'file' ? files.indexOf(m.origin.source) : -1)
  const offset = (m: Mistake): number => (m.origin?.kind === 'file' ? m.origin[m.at ?? 'value'][0] : 0)
  return [...mistakes].sort((a, b) => order(a) - order(b) || offset(a) - offset(b))
}
