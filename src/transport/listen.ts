/** Binding a port, with the mistakes that a person can mend told as such. */
import type { AddressInfo, ListenOptions as NodeListenOptions, Server } from 'node:net'
import { GomsError } from '../core/errors.ts'
import { type Address, toHostPort } from '../core/node.ts'
import { portHolder } from './port-holder.ts'

export interface ListenOptions {
  /** Other sockets may listen on the same port, and the system distributes connections among them. */
  readonly reusePort?: boolean | undefined
  /**
   * Takes over what another process has bound and handed to this one; port and host are those of it then. It accepts
   * already: whoever takes it over does so in the turn in which it was received.
   */
  readonly from?: Server | undefined
}

/**
 * Binds `server` and gives the address it got.
 * @throws GomsError GOMS_PORT_IN_USE, GOMS_PORT_DENIED, GOMS_OPTION_INVALID
 */
export function listenOn(server: Server, port: number, host?: string, how: ListenOptions = {}): Promise<Address> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      server.off('listening', onListening)
      reject(toSetupError(error, port, host))
    }
    const onListening = (): void => {
      server.off('error', onError)
      const { address, port: bound } = server.address() as AddressInfo
      resolve({ host: address, port: bound })
    }
    server.once('error', onError)
    server.once('listening', onListening)
    if (how.from !== undefined) server.listen(how.from)
    else {
      const options: ListenParts = { port, backlog: BACKLOG, reusePort: how.reusePort === true }
      server.listen(host === undefined ? options : { ...options, host })
    }
  })
}

/** Connections that wait to be accepted. */
const BACKLOG = 1024

/** `reusePort` since Node 23.1 and 22.12. https://nodejs.org/api/net.html#serverlistenoptions-callback */
type ListenParts = NodeListenOptions & { readonly reusePort: boolean }

function toSetupError(error: NodeJS.ErrnoException, port: number, host: string | undefined): Error {
  const where = host === undefined ? `port ${port}` : toHostPort({ host, port })
  if (error.code === 'EADDRINUSE') {
    const holder = portHolder(port)
    if (holder?.endsWith(`(pid ${process.pid})`)) return toOwnPort(error, where, port)
    return new GomsError('GOMS_PORT_IN_USE', `listen: ${where} is taken${holder ? ` by ${holder}` : ''}`, {
      cause: error,
      detail: {
        found: holder ? `${holder} listens on port ${port}` : `another process listens on port ${port}`,
        expected: 'a free port',
        fix: ['stop that process', 'or choose another port; 0 lets the system choose'],
      },
    })
  }
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new GomsError('GOMS_PORT_DENIED', `listen: the system does not allow ${where}`, {
      cause: error,
      detail: {
        found: where,
        expected: 'a port that this user may listen on',
        fix: ['choose a port from 1024 on', 'or allow it: setcap cap_net_bind_service=+ep on the node binary'],
      },
    })
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') {
    return new GomsError('GOMS_OPTION_INVALID', `listen: \`${host}\` is no address of this machine`, {
      cause: error,
      detail: {
        found: String(host),
        expected: 'an address of this machine',
        fix: 'leave `host` out, or use 127.0.0.1',
      },
    })
  }
  return GomsError.from(error)
}

/** Two ports of one process, or two services in one, that were given the same number. */
function toOwnPort(cause: Error, where: string, port: number): GomsError {
  return new GomsError('GOMS_PORT_IN_USE', `listen: ${where} is taken by this process itself`, {
    cause,
    detail: {
      found: `port ${port} twice`,
      expected: 'another port for each of HTTP, RPC and admin',
      fix: 'give each its own: -http_port, -rpc_port, -admin_port; 0 lets the system choose',
    },
  })
}
