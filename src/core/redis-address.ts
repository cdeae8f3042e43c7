/** The address of a Redis as `redisAddr` gives it. */
import { GomsError } from './errors.ts'

export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
  readonly tls: boolean
  /** For people: `host:port`, and the database where that is not 0. Nothing of it is secret. */
  readonly shown: string
}

const DEFAULT_PORT = 6379
const EXPECTED = 'an address such as host:6379, redis://user:password@host:6379/0 or rediss://host'

/**
 * @param written `host`, `host:6379`, `redis://user:password@host:6379/0`; `rediss://` is TLS
 * @param name what it is the value of, for the message
 * @throws GomsError GOMS_CONFIG_INVALID; it names the address without user and password
 */
export function toRedisAddress(written: string, name = 'redisAddr'): RedisAddress {
  const url = parse(written.trim())
  if (url === undefined) {
    const found = JSON.stringify(written.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1').slice(0, 80))
    throw new GomsError('GOMS_CONFIG_INVALID', `expected \`${name}\` to be ${EXPECTED}, got \`${found}\``, {
      detail: {
        found,
        expected: EXPECTED,
        fix: 'what is not a letter or digit in a password is written with its code, such as `%40` for `@`',
      },
    })
  }
  const { hostname, port, username, password, pathname, protocol } = url
  const database = Number(pathname.slice(1))
  const at = `${hostname}:${port === '' ? DEFAULT_PORT : port}`
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? DEFAULT_PORT : Number(port),
    username: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password) || undefined,
    database,
    tls: protocol === 'rediss:',
    shown: database === 0 ? at : `${at}/${database}`,
  }
}

function parse(written: string): URL | undefined {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `redis://${written}`
  if (/[\s\\]/.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  const isRedis = url.protocol === 'redis:' || url.protocol === 'rediss:'
  if (!isRedis || url.hostname === '' || url.port === '0' || url.search !== '' || url.hash !== '') return undefined
  return /^(\/\d{0,4})?$/.test(url.pathname) && isReadable(url) ? url : undefined
}

/** Whether what is escaped in user and password can be read. */
function isReadable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password)
    return true
  } catch {
    return false
  }
}
