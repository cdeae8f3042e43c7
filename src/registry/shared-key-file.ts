/**
 * Where the random call key of this machine's embedded registry survives its hosts: a process that becomes the host just
 * as the last one died must not make another key, or old and new nodes would refuse each other.
 */
import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

const KEY = /^[\w-]{43}$/

/** The key of a project for this user of this machine, made when there is none. A file that others could write is not used. */
export async function keptSharedKey(project: string, base: string = tmpdir()): Promise<string> {
  const fresh = randomBytes(32).toString('base64url')
  const { uid } = userInfo()
  const dir = join(base, `goms-${uid}`)
  const file = join(dir, `${project}.key`)
  try {
    await mkdir(dir, { mode: 0o700 }).catch(() => {})
    if (!(await isOurs(dir, uid))) return fresh
    // `wx`: of processes that start together one writes, and all read what it wrote.
    await writeFile(file, fresh, { mode: 0o600, flag: 'wx' }).catch(() => {})
    const kept = (await isOurs(file, uid)) ? await readFile(file, 'utf8') : ''
    return KEY.test(kept) ? kept : fresh
  } catch {
    // Without a place to keep it the key lives in the registry alone.
    return fresh
  }
}

/** Owned by this user, no link, and closed to everybody else. On Windows there is no owner to ask for. */
async function isOurs(path: string, uid: number): Promise<boolean> {
  const stat = await lstat(path)
  if (stat.isSymbolicLink()) return false
  return uid === -1 || (stat.uid === uid && (stat.mode & 0o077) === 0)
}
