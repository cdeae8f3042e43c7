import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { RegistryOptions } from '../core/options.ts'
import { advertisedAddress } from './advertised-address.ts'

const registry = (kind: RegistryOptions['kind'], ...endpoints: string[]): RegistryOptions => ({
  kind,
  endpoints,
  user: undefined,
  password: undefined,
  tls: undefined,
  embeddedPort: 24_379,
  dialect: 'goms',
  leaseTtlMs: 10_000,
  connectTimeoutMs: 10_000,
})

describe('the advertised address', () => {
  it('is loopback where the registry is on this machine only', async () => {
    expect(await advertisedAddress({}, registry('embedded'))).toBe('127.0.0.1')
    expect(await advertisedAddress({}, registry('memory'))).toBe('127.0.0.1')
  })

  it('is what was asked for: a host, an interface, a range', async () => {
    const etcd = registry('etcd', '127.0.0.1:2379')
    expect(await advertisedAddress({ host: '10.1.2.3' }, etcd)).toBe('10.1.2.3')
    expect(await advertisedAddress({ interface: 'lo' }, etcd)).toBe('127.0.0.1')
    expect(await advertisedAddress({ cidr: '127.0.0.0/8' }, etcd)).toBe('127.0.0.1')
  })

  it('is the one that the node listens on, where that is not all of them', async () => {
    const etcd = registry('etcd', '127.0.0.1:2379')
    expect(await advertisedAddress({}, etcd, '127.0.0.1')).toBe('127.0.0.1')
    expect(await advertisedAddress({}, etcd, '127.0.0.7')).toBe('127.0.0.7')
    expect(await advertisedAddress({}, etcd, '::1')).toBe('::1')
    expect(await advertisedAddress({}, registry('embedded'), '127.0.0.7')).toBe('127.0.0.7')
    expect(await advertisedAddress({ host: '10.1.2.3' }, etcd, '127.0.0.1')).toBe('10.1.2.3')
    for (const every of ['0.0.0.0', '::', '0:0:0:0:0:0:0:0']) {
      expect(await advertisedAddress({}, registry('embedded'), every)).toBe('127.0.0.1')
      expect(await advertisedAddress({}, etcd, every)).toBe(await advertisedAddress({}, etcd))
    }
  })

  it('is one of this machine with etcd', async () => {
    const address = await advertisedAddress({}, registry('etcd', '127.0.0.1:2379'))
    const own = Object.values(networkInterfaces()).flatMap((list) => list?.map((a) => a.address) ?? [])
    expect(own).toContain(address)
  })

  it.each([
    [{ interface: 'nosuch0' }, /interface nosuch0/],
    [{ cidr: '203.0.113.0/24' }, /within 203\.0\.113\.0\/24/],
    [{ cidr: 'nonsense' }, /advertise\.cidr nonsense/],
  ])('is refused when it is not there: %o', async (advertise, message) => {
    await expect(advertisedAddress(advertise, registry('etcd', '127.0.0.1:2379'))).rejects.toMatchObject({
      code: 'GOMS_ADDRESS_REFUSED',
      message: expect.stringMatching(message),
    })
  })

  it('is refused when it is loopback and etcd is elsewhere', async () => {
    await expect(
      advertisedAddress({ host: '127.0.0.1' }, registry('etcd', '127.0.0.1:2379', '10.0.0.9:2379')),
    ).rejects.toMatchObject({ code: 'GOMS_ADDRESS_REFUSED' })
    await expect(advertisedAddress({}, registry('etcd', '10.0.0.9:2379'), '127.0.0.1')).rejects.toMatchObject({
      code: 'GOMS_ADDRESS_REFUSED',
      message: 'advertise: 127.0.0.1 is loopback, and etcd is on another machine',
    })
  })
})
