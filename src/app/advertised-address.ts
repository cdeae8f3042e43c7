/** Which address a node tells the others, chosen so that they can reach it. */
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { GomsError } from '../core/errors.ts'
import type { AdvertiseOptions, RegistryOptions } from '../core/options.ts'

const LOOPBACK = '127.0.0.1'

/**
 * The address to advertise: what `advertise` says (host, interface or cidr), else the one that the node listens on where
 * that is not all of them, else loopback where the registry is on this machine only, else the address that a packet to a
 * public address would leave by (none is sent), else the first one that is not internal.
 * @param listenHost address that the HTTP port is bound to
 * @throws GomsError GOMS_ADDRESS_REFUSED
 */
export async function advertisedAddress(
  advertise: AdvertiseOptions,
  registry: RegistryOptions,
  listenHost?: string,
): Promise<string> {
  const host = await chooseAddress(advertise, registry, listenHost)
  if (registry.kind === 'etcd' && isLoopback(host) && !registry.endpoints.every((e) => isLoopback(hostOf(e)))) {
    throw new GomsError('GOMS_ADDRESS_REFUSED', `advertise: ${host} is loopback, and etcd is on another machine`, {
      detail: {
        found: `${host}, with etcd at ${registry.endpoints.join(', ')}`,
        expected: 'an address that nodes on other machines can reach',
        fix: 'set `advertise: { host: <address> }`, `{ interface: eth0 }` or `{ cidr: 10.0.0.0/8 }`',
      },
    })
  }
  return host
}

async function chooseAddress(
  advertise: AdvertiseOptions,
  registry: RegistryOptions,
  listenHost: string | undefined,
): Promise<string> {
  if (advertise.host !== undefined) return toAddress(advertise.host)
  if (advertise.interface !== undefined) return onInterface(advertise.interface)
  if (advertise.cidr !== undefined) return within(advertise.cidr)
  if (listenHost !== undefined && !isEveryAddress(listenHost)) return listenHost
  if (registry.kind !== 'etcd') return LOOPBACK
  return (await routedAddress()) ?? localAddresses()[0] ?? LOOPBACK
}

/** `0.0.0.0`, `::` and other ways to write it: a socket that is bound to it listens on all addresses. */
function isEveryAddress(host: string): boolean {
  return /^[0:.]+$/.test(host)
}

/** Nodes are registered by address: a name is looked up once, here. */
async function toAddress(host: string): Promise<string> {
  if (isIP(host) !== 0) return host
  try {
    return (await lookup(host, { family: 4 })).address
  } catch {
    throw new GomsError('GOMS_ADDRESS_REFUSED', `advertise: the name ${host} has no address`, {
      detail: { found: host, expected: 'an address, or a name that has one', fix: 'correct `advertise.host`' },
    })
  }
}

function onInterface(name: string): string {
  const found = networkInterfaces()[name]?.find((a) => a.family === 'IPv4') ?? networkInterfaces()[name]?.[0]
  if (found) return found.address
  throw notFound(`interface ${name}`, `one of ${Object.keys(networkInterfaces()).join(', ')}`)
}

function within(cidr: string): string {
  const [net = '', bits = ''] = cidr.split('/')
  const list = new BlockList()
  const family = isIPv6(net) ? 'ipv6' : 'ipv4'
  try {
    list.addSubnet(net, Number(bits), family)
  } catch {
    throw notFound(`advertise.cidr ${cidr}`, 'a range such as 10.0.0.0/8')
  }
  const found = allAddresses().find((a) => list.check(a, isIPv6(a) ? 'ipv6' : 'ipv4'))
  if (found) return found
  throw notFound(`an address within ${cidr}`, `one of ${allAddresses().join(', ')}`)
}

function notFound(what: string, expected: string): GomsError {
  return new GomsError('GOMS_ADDRESS_REFUSED', `advertise: ${what} is not on this machine`, {
    detail: { found: what, expected, fix: 'correct `advertise`, or leave it out to have the address chosen' },
  })
}

/** Connecting a UDP socket makes the kernel choose the way out without sending anything. */
function routedAddress(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    const done = (address: string | undefined): void => {
      socket.close()
      resolve(address)
    }
    socket.once('error', () => done(undefined))
    try {
      socket.connect(53, '192.0.2.1', () => done(socket.address().address))
    } catch {
      done(undefined)
    }
  })
}

function allAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => list?.map((a) => a.address) ?? [])
}

function localAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap(
    (list) => list?.filter((a) => !a.internal && a.family === 'IPv4').map((a) => a.address) ?? [],
  )
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function hostOf(endpoint: string): string {
  return endpoint
    .replace(/^https?:\/\//, '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
}
