/** Which addresses a registry value is trusted with: a node cannot send calls to a cloud's metadata service or a multicast group. */
import { BlockList, isIP } from 'node:net'

/** Whether calls may go to that address. */
export type AddressRule = (host: string) => boolean

const REFUSED: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'], // unspecified (RFC 1122)
  ['169.254.0.0', 16, 'ipv4'], // link-local, most clouds' metadata (RFC 3927)
  ['100.100.100.200', 32, 'ipv4'], // metadata of Alibaba Cloud
  ['192.0.0.192', 32, 'ipv4'], // metadata of Oracle Cloud
  ['224.0.0.0', 4, 'ipv4'], // multicast (RFC 5771)
  ['240.0.0.0', 4, 'ipv4'], // reserved and broadcast (RFC 1112)
  ['::', 128, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
  ['fd00:ec2::254', 128, 'ipv6'], // metadata of AWS
]

/** Every address but link-local, multicast, unspecified, reserved and metadata ones. Names are no addresses. */
export const defaultAddressRule: AddressRule = refuse(REFUSED)

function refuse(ranges: typeof REFUSED): AddressRule {
  const list = new BlockList()
  for (const [base, bits, family] of ranges) list.addSubnet(base, bits, family)
  return (host) => {
    const family = isIP(host)
    if (family === 0 || host.includes('%')) return false
    return !list.check(host, family === 6 ? 'ipv6' : 'ipv4')
  }
}
