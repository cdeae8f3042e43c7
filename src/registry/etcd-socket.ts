/** The socket under a session to etcd: plain, or TLS with the registry's certificates. */
import { readFileSync } from 'node:fs'
import net, { type Socket } from 'node:net'
import tls from 'node:tls'
import { GomsError } from '../core/errors.ts'
import type { TlsOptions } from '../core/options.ts'

/** Certificates are read at each connect, so that renewed ones are used without a restart. */
export function openSocket(endpoint: string, options: TlsOptions | undefined): Socket {
  const { hostname, port } = new URL(`http://${endpoint}`)
  const host = hostname.replace(/^\[|\]$/g, '')
  const at = { host, port: Number(port || 80) }
  if (!options) return net.connect({ ...at, noDelay: true })
  const servername = options.serverName ?? (net.isIP(host) ? undefined : host)
  return tls.connect({
    ...at,
    ALPNProtocols: ['h2'],
    ca: readPem(options.ca),
    cert: readPem(options.cert),
    key: readPem(options.key),
    ...(servername === undefined ? {} : { servername }),
  })
}

function readPem(path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path)
  } catch (error) {
    throw new GomsError('GOMS_CONFIG_UNREADABLE', `registry: cannot read ${path}`, {
      cause: error,
      detail: {
        found: (error as Error).message,
        expected: 'a PEM file',
        fix: 'check the paths of the registry’s certificates',
      },
    })
  }
}
