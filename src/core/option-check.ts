/** What an option of code has to be, said where it is something else. */
import { GomsError } from './errors.ts'

/** For what a program is made of, and for what a call is given. */
type Code = 'GOMS_OPTION_INVALID' | 'INVALID_ARGUMENT'

/**
 * @param where `redis`, `service("user")`
 */
export function wrongOption(
  where: string,
  option: string,
  expected: string,
  found: unknown,
  code: Code = 'GOMS_OPTION_INVALID',
): GomsError {
  const shown = `\`${shownOf(found).slice(0, 80)}\` (${typeof found})`
  return new GomsError(code, `${where}: expected \`${option}\` to be ${expected}, got ${shown}`, {
    detail: { found: shown, expected },
  })
}

/** The value where it is one. @throws GomsError as `wrongOption` */
export function integerOption(
  where: string,
  option: string,
  value: number,
  [least, most]: readonly [least: number, most: number],
  code?: Code,
): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw wrongOption(where, option, `an integer from ${least} to ${most}`, value, code)
}

const DAY_MS = 86_400_000
const MOST_WAITS = 20

/** Waits before deliveries: at most 20 of up to a day each. @throws GomsError as `wrongOption` */
export function checkWaits(where: string, option: string, waitsMs: readonly number[], code?: Code): void {
  const isWait = (wait: unknown): boolean => Number.isInteger(wait) && Number(wait) >= 1 && Number(wait) <= DAY_MS
  if (Array.isArray(waitsMs) && waitsMs.length <= MOST_WAITS && waitsMs.every(isWait)) return
  throw wrongOption(where, option, `at most ${MOST_WAITS} integers from 1 to ${DAY_MS}`, waitsMs, code)
}

function shownOf(found: unknown): string {
  return Array.isArray(found) ? JSON.stringify(found) : String(found)
}
