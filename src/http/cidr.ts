/** Which addresses count as one's own or as trusted: ranges of IPv4 and IPv6 addresses. */
import { BlockList, isIP } from 'node:net'
import { GomsError } from '../core/errors.ts'

/** Says whether an address lies in one of the ranges. Whatever is no IP address does not. */
export type AddressMatcher = (address: string) => boolean

/** An IPv4 address that came in over an IPv6 socket (`::ffff:10.0.0.1`) as the IPv4 address that it is. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/**
 * A matcher for addresses and CIDRs, `10.0.0.0/8`, `::1`, `192.168.1.7`.
 * @throws GomsError GOMS_OPTION_INVALID when an entry is neither
 */
export function addressMatcher(ranges: readonly string[], option = 'trustedProxies'): AddressMatcher {
  if (ranges.length === 0) return () => false
  const list = new BlockList()
  for (const range of ranges) addRange(list, range, option)
  return (address) => {
    const plain = plainAddress(address)
    const family = isIP(plain)
    return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}

function addRange(list: BlockList, range: string, option: string): void {
  const slash = range.indexOf('/')
  const address = slash < 0 ? range : range.slice(0, slash)
  const family = isIP(address)
  const bits = family === 6 ? 128 : 32
  const prefixText = slash < 0 ? String(bits) : range.slice(slash + 1)
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : -1
  if (family === 0 || prefix < 0 || prefix > bits) {
    throw new GomsError('GOMS_OPTION_INVALID', `expected \`${option}\` to hold addresses or CIDRs, got \`${range}\``, {
      detail: { found: range, expected: 'an address or a CIDR', fix: 'write it like "10.0.0.0/8" or "fd00::/8"' },
    })
  }
  list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
}

/** 127.0.0.0/8 and ::1. */
export const isLoopback: AddressMatcher = addressMatcher(['127.0.0.0/8', '::1'])

/** Loopback, private (RFC 1918, RFC 4193) and link-local addresses: those that no one on the internet has. */
export const isPrivateAddress: AddressMatcher = addressMatcher([
  '127.0.0.0/8',
  '::1',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
])
