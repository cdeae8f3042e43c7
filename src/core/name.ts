/** Names of projects, services and actions: what they may look like, so that keys, paths and metrics stay readable. */
import { GomsError } from './errors.ts'

/** Characters of a name. */
export const MAX_NAME_LENGTH = 63

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/

/**
 * Whether a project, service or action may be called that: letters, digits, `-` and `.`, 1 to 63 characters, a letter
 * or digit at both ends. No `_`: it separates the parts of a registry key, and every parser in a mixed cluster splits there.
 */
export function isName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && NAME.test(name)
}

/**
 * The name, if it may be used.
 * @throws GomsError GOMS_NAME_INVALID
 */
export function checkName(kind: 'project' | 'service' | 'action' | 'method' | 'event', name: unknown): string {
  if (typeof name === 'string' && isName(name)) return name
  const found = typeof name === 'string' ? JSON.stringify(name.slice(0, 80)) : `${String(name)} (${typeof name})`
  throw new GomsError('GOMS_NAME_INVALID', `${kind}: the name ${found} cannot be used`, {
    detail: {
      found,
      expected: `letters, digits, "-" and ".", 1 to ${MAX_NAME_LENGTH} of them, beginning and ending with a letter or digit`,
      fix:
        typeof name === 'string' && name.includes('_')
          ? `"_" separates the parts of a registry key; call it ${JSON.stringify(name.replaceAll('_', '-'))}`
          : `rename the ${kind}`,
    },
  })
}
