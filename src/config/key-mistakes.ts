/** What is said of keys: unknown ones, names that cannot be used, keys given twice. */
import { isName } from '../core/name.ts'
import { didYouMean } from './did-you-mean.ts'
import type { BlockKeys } from './introspect.ts'
import { type Mistake, type Origin, placeOfOrigin } from './mistake.ts'

type FileOrigin = Extract<Origin, { kind: 'file' }>

/** The mistake in a project, service or action name, if there is any. */
export function nameMistake(
  kind: 'project' | 'service' | 'action',
  name: string,
  origin: Origin | undefined,
  at: 'key' | 'value' = 'key',
): Mistake | undefined {
  if (isName(name) && !isNever(name)) return undefined
  const dashed = name.replaceAll('_', '-')
  return {
    code: 'GOMS_NAME_INVALID',
    message: `the ${kind} name ${JSON.stringify(name.slice(0, 80))} cannot be used`,
    origin,
    at,
    label: name.includes('_') && isName(dashed) ? `call it "${dashed}"` : undefined,
    fix: [
      name.includes('_')
        ? 'no "_": it separates the parts of a key in the registry'
        : 'letters, digits, "-" and ".", 1 to 63, a letter or digit at both ends',
    ],
  }
}

/** Keys that would change what an object is, or that the check of maps passes over. */
export function isNever(name: string): boolean {
  return name === '__proto__' || name === 'constructor' || name === 'prototype'
}

export function neverMistake(name: string, origin: FileOrigin): Mistake {
  return { code: 'GOMS_NAME_INVALID', message: `the name "${name}" cannot be used`, origin, at: 'key' }
}

export function unknownKey(keys: BlockKeys, name: string, origin: FileOrigin): Mistake {
  const near = didYouMean(name, Object.keys(keys.entries)) ?? keys.names.get(didYouMean(name, keys.names.keys()) ?? '')
  const around = origin.written.slice(0, Math.max(0, origin.written.length - name.length - 1))
  return {
    code: 'GOMS_CONFIG_UNKNOWN_KEY',
    message: `unknown key ${JSON.stringify(name.slice(0, 80))}${around === '' ? '' : ` in ${around}`}`,
    origin,
    at: 'key',
    label: near === undefined ? undefined : `did you mean "${near}"?`,
    fix: [`allowed keys: ${Object.keys(keys.entries).join(', ')}`],
  }
}

export function twice(what: string, first: Origin, second: Origin, label = 'defined again here'): Mistake {
  return {
    code: 'GOMS_CONFIG_DUPLICATE',
    message: `${what} is defined twice, first at ${placeOfOrigin(first, 'key')}`,
    origin: second,
    at: 'key',
    label,
    fix: ['keep one of the two'],
  }
}
