/** Cross-origin answers for browsers. Source: https://fetch.spec.whatwg.org/#http-cors-protocol */
import type { CorsOptions } from '../core/options.ts'
import { fieldOf } from '../http/header-rules.ts'

/** Answer fields that a service may have set and the gateway now decides. */
export const CORS_FIELDS: ReadonlySet<string> = new Set([
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
])

const DEFAULT_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
/** How long browsers may remember a preflight. */
const DEFAULT_MAX_AGE_MS = 600_000

export interface Cors {
  /** Fields for an answer to that request; `Vary: Origin` also where the origin is not allowed, for caches. */
  answerFields(rawHeaders: readonly string[]): string[]
  /** Fields for the 204 to a preflight, or undefined when the request is none. */
  preflight(
    method: string,
    rawHeaders: readonly string[],
    routeMethods: readonly string[] | undefined,
  ): string[] | undefined
}

export function createCors(options: CorsOptions): Cors {
  const origins = new Set(options.origins)
  const any = origins.has('*')
  const credentials = options.credentials === true && !any

  function origin(rawHeaders: readonly string[]): string[] {
    if (any) return ['access-control-allow-origin', '*']
    const asked = fieldOf(rawHeaders, 'origin')
    if (asked === undefined || !origins.has(asked)) return ['vary', 'Origin']
    const fields = ['access-control-allow-origin', asked, 'vary', 'Origin']
    if (credentials) fields.push('access-control-allow-credentials', 'true')
    return fields
  }

  return {
    answerFields(rawHeaders) {
      const fields = origin(rawHeaders)
      if (options.exposedHeaders?.length && fields[0] !== 'vary') {
        fields.push('access-control-expose-headers', options.exposedHeaders.join(', '))
      }
      return fields
    },
    preflight(method, rawHeaders, routeMethods) {
      if (method !== 'OPTIONS' || fieldOf(rawHeaders, 'origin') === undefined) return undefined
      if (fieldOf(rawHeaders, 'access-control-request-method') === undefined) return undefined
      const fields = origin(rawHeaders)
      if (fields[0] === 'vary') return fields
      fields.push('access-control-allow-methods', (options.methods ?? routeMethods ?? DEFAULT_METHODS).join(', '))
      const headers = options.headers?.join(', ') ?? fieldOf(rawHeaders, 'access-control-request-headers')
      if (headers !== undefined) fields.push('access-control-allow-headers', headers)
      if (!options.headers) fields.push('vary', 'Access-Control-Request-Headers')
      fields.push('access-control-max-age', String(Math.floor((options.maxAgeMs ?? DEFAULT_MAX_AGE_MS) / 1000)))
      return fields
    },
  }
}
