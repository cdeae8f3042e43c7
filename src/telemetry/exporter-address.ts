/** Addresses of servers that take what a process tells of its calls, in the forms that people write. */
import { GomsError } from '../core/errors.ts'

export interface AddressForm {
  /** Key of the setting, for the message. */
  readonly setting: string
  /** Of an address without one and without a scheme. */
  readonly defaultPort: number
  /** Taken where the address has none. */
  readonly path: string
}

export const ZIPKIN_ADDRESS: AddressForm = { setting: 'zipkinAddr', defaultPort: 9411, path: '/api/v2/spans' }
export const OTLP_ADDRESS: AddressForm = { setting: 'trace.otlpAddr', defaultPort: 4318, path: '/v1/traces' }

/** `http://host:9411/api/v2/spans`, `http://host:9411`, `host:9411`; `https` and a path of one's own as well; undefined for others. */
export function toExporterUrl(address: string, form: AddressForm): URL | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') return undefined
  const text = scheme === undefined ? `http://${address}` : address
  if (/[\s\\]/.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.hash !== '' || url.hostname === '' || url.port === '0') return undefined
  if (scheme === undefined && !/:\d+(?:[/?]|$)/.test(address.slice(address.lastIndexOf(']') + 1))) {
    url.port = String(form.defaultPort)
  }
  if (url.pathname === '/') url.pathname = form.path
  return url
}

/** What an address may look like, as a mistake says it. */
export function expectedAddress(form: AddressForm): string {
  const host = `host:${form.defaultPort}`
  return `an address such as http://${host}${form.path}, http://${host} or ${host}`
}

/**
 * The address where batches are posted.
 * @throws GomsError GOMS_CONFIG_INVALID
 */
export function exporterUrl(address: string, form: AddressForm): URL {
  const url = toExporterUrl(address, form)
  if (url !== undefined) return url
  const found = JSON.stringify(withoutSecrets(address).slice(0, 80))
  const expected = expectedAddress(form)
  throw new GomsError('GOMS_CONFIG_INVALID', `expected \`${form.setting}\` to be ${expected}, got \`${found}\``, {
    detail: { found, expected, fix: `write \`${form.setting}\` in one of these forms` },
  })
}

/** An address for people: without user, password and query. */
export function withoutSecrets(address: string): string {
  return address.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/?#]*@/i, '$1').replace(/\?.*$/s, '')
}
