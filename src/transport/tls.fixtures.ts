/** Certificates for tests, made when they are asked for, and clients that take them. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'

/** One certificate as PEM. */
export interface Pair {
  readonly cert: Buffer
  readonly key: Buffer
}

export interface Authority {
  readonly ca: Buffer
  /** Makes a certificate for 127.0.0.1 and `localhost` of that name. */
  issue(name: string): Pair
}

/** An authority of its own, gone from the disk once it is made. Needs `openssl`. */
export function createAuthority(): Authority {
  const [caKey, ca] = inDirectory((path) => {
    openssl(
      ...['req', '-x509', ...NEW_KEY, '-days', '2', '-subj', '/CN=test-ca'],
      '-keyout',
      path('k'),
      '-out',
      path('c'),
    )
    return [readFileSync(path('k')), readFileSync(path('c'))]
  })
  return {
    ca,
    issue: (name) =>
      inDirectory((path) => {
        writeFileSync(path('ca.key'), caKey)
        writeFileSync(path('ca.pem'), ca)
        writeFileSync(
          path('ext'),
          'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n',
        )
        openssl('req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', path('key'), '-out', path('csr'))
        openssl(
          ...['x509', '-req', '-days', '2', '-in', path('csr'), '-extfile', path('ext'), '-out', path('cert')],
          ...['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial'],
        )
        return { cert: readFileSync(path('cert')), key: readFileSync(path('key')) }
      }),
  }
}

/** A client of TLS whose connection can be reset. */
export function openTls(port: number, options: ConnectionOptions & { allowHalfOpen?: boolean }): TLSSocket {
  const below = connect({ port, host: '127.0.0.1', ...(options.allowHalfOpen && { allowHalfOpen: true }) })
  const socket = connectTls({ ...options, socket: below, host: '127.0.0.1' })
  socket.resetAndDestroy = () => {
    below.resetAndDestroy()
    return socket
  }
  return socket
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' })
}

function inDirectory<T>(work: (path: (name: string) => string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'goms-tls-'))
  try {
    return work((name) => join(dir, name))
  } finally {
    rmSync(dir, { recursive: true })
  }
}
