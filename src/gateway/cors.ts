/** Cross-origin answers for browsers. Source: https://fetch.spec.whatwg.org/#http-cors-protocol */
import type { CorsOptions } from '../core/options.ts'
import type { Fields } from '../http/fields.ts'
import { toFieldLines } from '../http/header-rules.ts'

const DEFAULT_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
/** How long browsers may remember a preflight. */
const DEFAULT_MAX_AGE_MS = 600_000

export interface Cors {
  /** Lines for an answer to that request; `Vary: Origin` also where the origin is not allowed, for caches. */
  answerFields(asked: Fields): string
  /** Lines for the 204 to a preflight, or undefined when the request is none. */
  preflight(method: string, asked: Fields, routeMethods: readonly string[] | undefined): string | undefined
}

export function createCors(options: CorsOptions): Cors {
  const origins = new Set(options.origins)
  const any = origins.has('*')
  const credentials = options.credentials === true && !any

  function origin(asked: Fields): string[] {
    if (any) return ['access-control-allow-origin', '*']
    const from = asked.get('origin')
    if (from === undefined || !origins.has(from)) return ['vary', 'Origin']
    const fields = ['access-control-allow-origin', from, 'vary', 'Origin']
    if (credentials) fields.push('access-control-allow-credentials', 'true')
    return fields
  }

  return {
    answerFields(asked) {
      const fields = origin(asked)
      if (options.exposedHeaders?.length && fields[0] !== 'vary') {
        fields.push('access-control-expose-headers', options.exposedHeaders.join(', '))
      }
      return toFieldLines(fields)
    },
    preflight(method, asked, routeMethods) {
      if (method !== 'OPTIONS' || asked.get('origin') === undefined) return undefined
      if (asked.get('access-control-request-method') === undefined) return undefined
      const fields = origin(asked)
      if (fields[0] === 'vary') return toFieldLines(fields)
      fields.push('access-control-allow-methods', (options.methods ?? routeMethods ?? DEFAULT_METHODS).join(', '))
      const headers = options.headers?.join(', ') ?? asked.get('access-control-request-headers')
      if (headers !== undefined) fields.push('access-control-allow-headers', headers)
      if (!options.headers) fields.push('vary', 'Access-Control-Request-Headers')
      fields.push('access-control-max-age', String(Math.floor((options.maxAgeMs ?? DEFAULT_MAX_AGE_MS) / 1000)))
      return toFieldLines(fields)
    },
  }
}
