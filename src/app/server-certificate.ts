/**
 * The certificate at a gateway's door: read from its files, and read again when they change. A pair that does not fit together,
 * as while the one file is new and the other is not yet, leaves the one before in force.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { type FSWatcher, unwatchFile, watch, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { ServerTlsOptions } from '../core/options.ts'
import type { TlsMaterial } from '../transport/http-tls-door.ts'

/** Files are written one after the other: wait until whoever writes is through. */
const DEBOUNCE_MS = 200
/** For what `fs.watch` misses: network file systems, and links that were swapped. */
const POLL_MS = 2000
/** A pair that does not fit is said once, and not before the other file could follow. */
const BAD_FOR_MS = 2000
const DAY_MS = 86_400_000
/** What is renewed by machines is renewed before: whoever has less has forgotten it. */
const SOON_DAYS = 7

/**
 * What the files hold.
 * @throws GomsError GOMS_CONFIG_UNREADABLE, GOMS_CONFIG_INVALID for what is no certificate, or a key that is not its key
 */
export async function readCertificate(tls: ServerTlsOptions): Promise<TlsMaterial> {
  const [cert, key, ca] = await Promise.all([
    readPem(tls.cert),
    readPem(tls.key),
    tls.ca === undefined ? undefined : readPem(tls.ca),
  ])
  check(tls.cert, () => new X509Certificate(cert))
  check(tls.key, () => createPrivateKey(key))
  if (ca !== undefined) check(tls.ca as string, () => new X509Certificate(ca))
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new GomsError('GOMS_CONFIG_INVALID', `gateway.tls: ${tls.key} is not the key of ${tls.cert}`, {
      detail: { found: 'two files that do not belong together', fix: 'give the certificate its own key' },
    })
  }
  return ca === undefined ? { cert, key } : { cert, key, ca }
}

/** Says whose certificate it is, and until when. */
export function sayCertificate({ cert }: TlsMaterial, log: Log, clock: Clock): void {
  const { subject, subjectAltName, validTo } = new X509Certificate(cert)
  const names = (subjectAltName ?? subject ?? '').replace(/\s+/g, ' ').slice(0, 200)
  const leftDays = Math.floor((Date.parse(validTo) - clock.wallMs()) / DAY_MS)
  const text = `tls: certificate of ${names}, valid until ${validTo}`
  if (leftDays < 0) log.error(`${text}: it has expired`)
  else if (leftDays < SOON_DAYS) log.warn(`${text}: ${leftDays} days are left`)
  else log.info(text)
}

/** Calls `apply` with each good pair that replaces the one before. Does not keep the process alive. */
export function watchCertificate(
  tls: ServerTlsOptions,
  first: TlsMaterial,
  apply: (material: TlsMaterial) => void,
  { log, clock }: { readonly log: Log; readonly clock: Clock },
): { close(): void } {
  const files = [tls.cert, tls.key, ...(tls.ca === undefined ? [] : [tls.ca])]
  const watchers: FSWatcher[] = []
  let inForce = printOf(first)
  let timer: Timer | undefined
  let badSinceMs: number | undefined
  let said = false
  let closed = false

  function poke(): void {
    timer?.cancel()
    if (!closed) timer = clock.after(DEBOUNCE_MS, () => void look())
  }

  async function look(): Promise<void> {
    try {
      const material = await readCertificate(tls)
      if (closed) return
      badSinceMs = undefined
      if (printOf(material) !== inForce) {
        apply(material)
        inForce = printOf(material)
        sayCertificate(material, log, clock)
      } else if (said) log.info('tls: the files are good again')
      said = false
    } catch (thrown) {
      if (!closed) bad(GomsError.from(thrown))
    }
  }

  function bad(error: GomsError): void {
    const nowMs = clock.now()
    badSinceMs ??= nowMs
    if (nowMs - badSinceMs < BAD_FOR_MS) {
      timer?.cancel()
      timer = clock.after(BAD_FOR_MS, () => void look())
    } else if (!said) {
      said = true
      log.error(`tls: the certificate before stays in force: ${error.code}: ${error.message}`, { code: error.code })
    }
  }

  // Directories rather than files: a rename over a file, or a swapped link, ends a watch on the file itself.
  for (const directory of new Set(files.map((file) => dirname(file)))) {
    try {
      const watcher = watch(directory, { persistent: false }, poke)
      watcher.on('error', () => watcher.close())
      watchers.push(watcher)
    } catch {
      // It is polled.
    }
  }
  for (const file of files) watchFile(file, { interval: POLL_MS, persistent: false }, poke)
  return {
    close() {
      closed = true
      timer?.cancel()
      for (const watcher of watchers) watcher.close()
      for (const file of files) unwatchFile(file, poke)
    },
  }
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new GomsError('GOMS_CONFIG_UNREADABLE', `gateway.tls: cannot read ${path}`, {
      cause,
      detail: { found: (cause as Error).message, expected: 'a PEM file', fix: 'check the paths below gateway.tls' },
    })
  }
}

function check(path: string, read: () => unknown): void {
  try {
    read()
  } catch (cause) {
    throw new GomsError('GOMS_CONFIG_INVALID', `gateway.tls: ${path} is no PEM file of the kind that stands there`, {
      cause,
      detail: {
        found: (cause as Error).message,
        expected: 'a certificate, and a key without a passphrase, as PEM',
        fix: 'check the paths below gateway.tls',
      },
    })
  }
}

function printOf({ cert, key, ca }: TlsMaterial): string {
  const hash = createHash('sha256')
  for (const part of [cert, key, ca ?? Buffer.alloc(0)]) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex')
}
