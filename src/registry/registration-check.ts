/** What may be registered at all, and how a conflict is said. */
import { GomsError } from '../core/errors.ts'
import { toHostPort } from '../core/node.ts'
import type { AddressRule } from './address-range.ts'
import type { KeyValue } from './kv.ts'
import { MAX_CONTRACT_BYTES, MAX_VALUE_BYTES, parseNodeValue } from './node-value.ts'
import type { Registration } from './registry.ts'

/** The error of a node whose address another live node holds. */
export function toConflict(key: string, id: string, other: KeyValue | undefined): GomsError {
  const who = parseNodeValue(other?.value ?? '')?.id || 'unknown'
  return new GomsError(
    'GOMS_ADDRESS_CONFLICT',
    `registry: ${key} is held by another live node (id ${who}, ours ${id})`,
    {
      detail: {
        found: `${key} with node id ${who}`,
        expected: `node id ${id}`,
        fix: ['give each process its own address: advertise.host, -http_port, -rpc_port', 'or stop the other node'],
      },
    },
  )
}

/** @throws GomsError GOMS_ADDRESS_REFUSED, GOMS_OPTION_INVALID where other nodes would not believe the registration */
export function checkRegistration(registration: Registration, text: string, allowed: AddressRule): void {
  for (const address of [registration.rpc, registration.http])
    if (!allowed(address.host))
      throw new GomsError(
        'GOMS_ADDRESS_REFUSED',
        `registry: ${toHostPort(address)} is no address that other nodes may call`,
        {
          detail: {
            found: address.host,
            expected: 'an IP address that is not link-local, multicast, unspecified or a metadata address',
            fix: 'set advertise.host, advertise.interface or advertise.cidr',
          },
        },
      )
  const contractBytes = registration.contract ? JSON.stringify(registration.contract.document).length : 0
  if (text.length <= MAX_VALUE_BYTES && parseNodeValue(text) && contractBytes <= MAX_CONTRACT_BYTES) return
  throw new GomsError(
    'GOMS_OPTION_INVALID',
    `registry: the registration of ${registration.service} does not fit (value ${text.length} bytes, contract ${contractBytes})`,
    {
      detail: {
        found: `a value of ${text.length} bytes, a contract of ${contractBytes} bytes`,
        expected: `at most ${MAX_VALUE_BYTES} and ${MAX_CONTRACT_BYTES} bytes; id, version, zone and hash of printable ASCII, at most 128`,
        fix: 'shorten version, zone or the contract',
      },
    },
  )
}
