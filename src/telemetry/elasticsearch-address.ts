/** The addresses of an Elasticsearch as `esAddr` gives them: one, or several nodes of one cluster. */
import { GomsError } from '../core/errors.ts'
import { type AddressForm, toExporterUrl, withoutSecrets } from './exporter-address.ts'

/** A path before the interfaces, where a proxy wants one. */
const ADDRESS: AddressForm = { setting: 'esAddr', defaultPort: 9200, path: '/' }
const MAX_ADDRESSES = 32
const EXPECTED =
  'an address such as http://host:9200, https://user:password@host:9200 or host:9200, or several with | between them'

/**
 * The nodes in order, each with a path that ends with `/`. An address without user takes that of the first one that has one.
 * @param esAddr `http://user:password@10.0.0.1:9200|10.0.0.2:9200`; `,` separates as well
 * @throws GomsError GOMS_CONFIG_INVALID for other addresses; it names them without what is secret
 */
export function toElasticsearchUrls(esAddr: string): readonly URL[] {
  const addresses = esAddr.split(/[|,]/).flatMap((part) => (part.trim() === '' ? [] : [part.trim()]))
  if (addresses.length === 0) throw mistake('""', 'is no address that can be posted to')
  if (addresses.length > MAX_ADDRESSES) {
    throw mistake(`${addresses.length} addresses`, `are more than ${MAX_ADDRESSES}`)
  }
  const urls = addresses.map((address) => {
    const url = toExporterUrl(address, ADDRESS)
    if (url === undefined || url.search !== '' || !isReadable(url)) {
      throw mistake(JSON.stringify(withoutSecrets(address).slice(0, 80)), 'is no address that can be posted to')
    }
    url.pathname = `${url.pathname.replace(/\/+(?:_bulk\/?)?$/, '')}/`
    return url
  })
  const known = urls.find((url) => url.username !== '')
  for (const url of urls) {
    if (known === undefined || url.username !== '') continue
    url.username = known.username
    url.password = known.password
  }
  return urls
}

/** Whether what is escaped in user and password can be read. */
function isReadable(url: URL): boolean {
  try {
    decodeURIComponent(url.username + url.password)
    return true
  } catch {
    return false
  }
}

function mistake(found: string, what: string): GomsError {
  return new GomsError('GOMS_CONFIG_INVALID', `esAddr: ${found} ${what}`, {
    detail: {
      found,
      expected: EXPECTED,
      fix: 'what is not a letter or digit in a password is written with its code, such as `%40` for `@` and `%2C` for a comma',
    },
  })
}
