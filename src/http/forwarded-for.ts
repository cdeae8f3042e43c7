/** Who asked, by what the proxies on the way say in `X-Forwarded-For`: the first address that no trusted one vouches for. */
import { isIP } from 'node:net'
import { type AddressMatcher, plainAddress } from './cidr.ts'

/**
 * The address of the client. Each proxy adds on the right whom it was asked by, so that only what trusted ones added can be
 * believed: read from the right, the first address that is no trusted proxy; where all are, the leftmost.
 * What is no address ends the way: the last one before it counts. An address may stand with its port.
 * Like `real_ip_recursive` of https://nginx.org/en/docs/http/ngx_http_realip_module.html.
 * @param peer address of the connection, a trusted proxy
 */
export function forwardedFor(field: string | undefined, peer: string, trusts: AddressMatcher): string {
  if (field === undefined) return peer
  let client = peer
  let end = field.length
  while (end >= 0) {
    const comma = end === 0 ? -1 : field.lastIndexOf(',', end - 1)
    const address = addressIn(field.slice(comma + 1, end).trim())
    if (address === undefined) return client
    client = address
    if (!trusts(address)) return client
    end = comma
  }
  return client
}

/** Without brackets and port; undefined for anything that is no address: it is shown in lines of the log. */
function addressIn(entry: string): string | undefined {
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(entry)?.[1] ?? entry
  const zone = bare.indexOf('%')
  const address = plainAddress(zone < 0 ? bare : bare.slice(0, zone))
  return isIP(address) === 0 ? undefined : address
}
