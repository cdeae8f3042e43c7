/**
 * Those who are compared. A program has `command`, which writes its configuration and gives what to start; one in Node has
 * `serve`, which worker.mjs runs. All of them take /api/bench/<path> to /<path> at the nodes.
 *
 * only       the scenarios it takes part in; all by default
 * claims     what it is checked for besides plain answers; all of CLAIMS by default
 * packages   whose versions are told
 * floor      it is no gateway, but what one in Node costs at least
 * needs      the key of `gateway:` without which it cannot be
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const MAIN = ['get']
const goms = (title, options, more = {}) => ({
  title,
  load: () => import('./goms.mjs'),
  options,
  ours: true,
  enveloped: true,
  ...more,
})

/**
 * What may be seen of calls, for `--seeing`: the first, where nothing is, is what the others are compared with.
 * sees       what is on: metrics, requestId, accessLog and sample, which are shares
 * bar        at most so many times the CPU time of the first
 */
const SEEING = {
  nothing: { title: 'nothing on', sees: {} },
  ids: { title: 'request ids and headers', sees: { requestId: true }, bar: 1.1 },
  metrics: { title: 'metrics', sees: { metrics: true }, bar: 1.08 },
  'few-traces': { title: 'traces, 1 %', sees: { sample: 0.01 }, bar: 1.15 },
  'all-traces': { title: 'traces, 100 %', sees: { sample: 1 }, bar: 1.45 },
  'access-log': { title: 'access log, 100 %', sees: { accessLog: 1 }, bar: 1.2 },
  all: {
    title: 'all of them, traces 1 %',
    sees: { requestId: true, metrics: true, sample: 0.01, accessLog: 1 },
    bar: 1.4,
  },
}

export const CLAIMS = ['uploads', 'pipelining', 'slow reader']

export const CONTESTANTS = {
  goms: goms('goms', {}),
  'goms-safe': goms('goms, `parser: safe`', { parser: 'safe' }, { only: MAIN }),
  'goms-auth': goms('goms, async auth and one `use`', { hooked: true }, { only: MAIN }),
  'goms-workers': goms('goms, `workers: 2`', { workers: 2 }, { only: MAIN, needs: 'workers' }),
  'goms-tls': goms('goms, TLS', { tls: true }, { only: MAIN, tls: true, needs: 'tls' }),
  nginx: { title: 'nginx', load: () => import('./nginx.mjs') },
  haproxy: { title: 'HAProxy', load: () => import('./haproxy.mjs') },
  undici: { title: 'node:http + undici', load: () => import('./undici.mjs'), packages: ['undici'] },
  'reply-from': {
    title: '@fastify/reply-from',
    load: () => import('./reply-from.mjs'),
    packages: ['@fastify/reply-from', 'fastify'],
  },
  'fast-gateway': {
    title: 'fast-gateway',
    load: () => import('./fast-gateway.mjs'),
    // An answer that comes before its turn is dropped, and the connection stands still.
    claims: ['uploads', 'slow reader'],
    packages: ['fast-gateway'],
  },
  'moleculer-web': {
    title: 'moleculer-web, remote',
    load: () => import('./moleculer-web.mjs'),
    // Its actions answer by themselves, over its own wire; there is no node behind it that could be asked for more.
    claims: ['pipelining'],
    packages: ['moleculer-web', 'moleculer'],
  },
  'node-relay': {
    title: 'Node, relaying unread',
    load: () => import('./node-relay.mjs'),
    only: MAIN,
    floor: true,
  },
  ...Object.fromEntries(
    Object.entries(SEEING).map(([name, { title, bar, sees }]) => [
      `seeing-${name}`,
      goms(title, { sees }, { only: MAIN, seeing: true, bar }),
    ]),
  ),
}

/** Names of those that take part in `--seeing`, or of the others. */
export const namesOf = ({ seeing }) =>
  Object.keys(CONTESTANTS).filter((name) => (CONTESTANTS[name].seeing === true) === seeing)

/** Whether this build of goms has what that contestant is about. */
export function isAvailable(name) {
  const { needs } = CONTESTANTS[name]
  if (needs === undefined) return true
  const schema = join(import.meta.dirname, '..', '..', 'dist', 'config.schema.json')
  return needs in JSON.parse(readFileSync(schema, 'utf8')).properties.gateway.properties
}
