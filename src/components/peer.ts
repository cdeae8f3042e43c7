/** Packages that goms does not bring along: loaded when a component needs them. */
import { GomsError } from '../core/errors.ts'

export interface Peer {
  /** `@redis/client` */
  readonly name: string
  /** `^6` */
  readonly version: string
  /** What needs it, for the message: `redis` */
  readonly neededBy: string
}

/** @throws GomsError GOMS_PEER_MISSING, with the command that installs it */
export async function importPeer<T>({ name, version, neededBy }: Peer, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (thrown) {
    const { code, message } = thrown as { code?: unknown; message?: unknown }
    // One that is there and lacks something itself says so in its own words.
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' && String(message).includes(`'${name}'`)
    if (!isMissing) throw thrown
    throw new GomsError('GOMS_PEER_MISSING', `${neededBy}: the package "${name}" is not installed`, {
      cause: thrown,
      detail: { found: 'nothing', expected: `${name} ${version}`, fix: `npm install ${name}@${version}` },
    })
  }
}
