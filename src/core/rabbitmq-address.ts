/** The address of RabbitMQ as `amqpAddr` gives it: one node, or several of one cluster. */
import { GomsError } from './errors.ts'

export interface RabbitAddress {
  readonly hostname: string
  readonly port: number
  /** `host:port` of all nodes, where there are several. */
  readonly hosts: readonly string[] | undefined
  readonly username: string
  readonly password: string
  readonly vhost: string
  readonly tls: boolean
  /** For messages: without user and password. */
  readonly shown: string
}

/**
 * @param amqpAddr `amqp://user:password@host:5672/vhost`, `amqps://…` or `host:5672`; several nodes with `|` or `,` between
 * them, where user, password and virtual host are those of the first
 * @throws GomsError GOMS_CONFIG_INVALID
 */
export function toRabbitAddress(amqpAddr: string): RabbitAddress {
  const parts = amqpAddr.split(/[|,]/).flatMap((part) => (part.trim() === '' ? [] : [part.trim()]))
  const urls = parts.map((part) => parse(part, parts.length === 1))
  const [first] = urls
  if (first === undefined) throw invalid('nothing')
  const tls = first.protocol === 'amqps:'
  const portOf = (url: URL): number => Number(url.port || (tls ? 5671 : 5672))
  const hosts = urls.map((url) => `${url.hostname}:${portOf(url)}`)
  const vhost = decodeURIComponent(first.pathname.slice(1))
  return {
    hostname: bare(first.hostname),
    port: portOf(first),
    hosts: hosts.length > 1 ? hosts : undefined,
    username: decodeURIComponent(first.username) || 'guest',
    password: decodeURIComponent(first.password) || (first.username === '' ? 'guest' : ''),
    vhost: vhost === '' ? '/' : vhost,
    tls,
    shown: `${first.protocol}//${hosts.join('|')}${first.pathname.replace(/^\/$/, '')}`,
  }
}

function parse(text: string, isOnly: boolean): URL {
  const written = text.includes('://') ? text : `amqp://${text}`
  const url = !/[\s\\]/.test(written) && URL.canParse(written) ? new URL(written) : undefined
  const isOne = url !== undefined && ['amqp:', 'amqps:'].includes(url.protocol) && url.hostname !== ''
  // The client tells hosts from ports by the first colon.
  if (isOne && url.port !== '0' && (isOnly || !url.hostname.startsWith('['))) return url
  throw invalid(JSON.stringify(text.replace(/^([a-z]+:\/\/)?[^/?#]*@/i, '$1').slice(0, 80)))
}

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')

function invalid(found: string): GomsError {
  const expected = 'an address such as amqp://user:password@host:5672/vhost, amqps://host or host:5672'
  return new GomsError('GOMS_CONFIG_INVALID', `expected \`amqpAddr\` to be ${expected}, got \`${found}\``, {
    detail: { found, expected, fix: 'amqpAddr: amqp://guest:guest@127.0.0.1:5672' },
  })
}
