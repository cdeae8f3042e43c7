/** Reads an HTTP action of a contract: method and path in one string. */
import { GomsError } from '../core/errors.ts'

/** An action in the document that a node advertises. */
export interface HttpActionDocument {
  /** Path at the service, beginning with `/`. */
  readonly path: string
  /** Upper case; absent: any. */
  readonly methods?: readonly string[]
}

const METHOD = /^[A-Z]{1,16}$/
const PATH = /^\/[!-~]*$/

const isMethod = (value: unknown): boolean => typeof value === 'string' && METHOD.test(value)

/** @throws GomsError GOMS_OPTION_INVALID */
export function toAction(text: unknown, where: string): HttpActionDocument {
  const [left = '', right, ...rest] = typeof text === 'string' ? text.trim().split(/\s+/) : []
  const path = right ?? left
  const methods = right === undefined || left.toUpperCase() === 'ANY' ? [] : left.toUpperCase().split('|')
  if (rest.length > 0 || !PATH.test(path) || /[?#]/.test(path) || !methods.every(isMethod)) {
    throw new GomsError('GOMS_OPTION_INVALID', `${where}: ${JSON.stringify(text)} is no method and path`, {
      detail: {
        found: `${JSON.stringify(text)} (${typeof text})`,
        expected: 'a method and a path at the service, like "POST /login"',
        fix: 'write the method, a space and the path; the path begins with "/" and has no query',
      },
    })
  }
  return methods.length === 0 ? { path } : { path, methods }
}

/** An action that somebody else advertised, or undefined when it is none. */
export function fromActionDocument(entry: Readonly<Record<string, unknown>>): HttpActionDocument | undefined {
  const { path, methods } = entry
  if (typeof path !== 'string' || !PATH.test(path)) return undefined
  if (methods === undefined) return { path }
  return Array.isArray(methods) && methods.every(isMethod) ? { path, methods: methods as string[] } : undefined
}
