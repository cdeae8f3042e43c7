import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { GomsError } from '../core/errors.ts'
import { defaultElasticsearch, defaultMetrics, defaultTrace } from '../core/observability-options.ts'
import { defaultGateway, defaultPolicy } from '../core/options.ts'
import { type Loaded, type LoadOptions, loadSettings } from './load.ts'

const directories: string[] = []

afterEach(async () => {
  await Promise.all(directories.splice(0).map((directory) => rm(directory, { recursive: true })))
})

async function workplace(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'goms-config-'))
  directories.push(cwd)
  if (Object.keys(files).length > 0) await mkdir(join(cwd, 'configs'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, 'configs', name), text)
  return cwd
}

async function load(files: Readonly<Record<string, string | Buffer>>, options: LoadOptions = {}): Promise<Loaded> {
  return loadSettings({ cwd: await workplace(files), env: {}, ...options })
}

async function failure(
  files: Readonly<Record<string, string | Buffer>>,
  options: LoadOptions = {},
): Promise<GomsError> {
  const error = await load(files, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof GomsError)) throw new Error(`expected a GomsError, got ${String(error)}`)
  return error
}

test('without any file the defaults hold', async () => {
  const { settings, files, warnings, where } = await load({})
  expect(settings).toEqual({
    project: 'goms',
    admitGo: false,
    publishRoutes: false,
    registry: {
      kind: 'embedded',
      endpoints: [],
      embeddedPort: 24_379,
      dialect: 'goms',
      leaseTtlMs: 10_000,
      connectTimeoutMs: 10_000,
    },
    advertise: {},
    adminHost: '127.0.0.1',
    routes: {},
    policy: defaultPolicy,
    balance: { default: 'round-robin', services: {} },
    gateway: defaultGateway,
    drainMs: 2000,
    terminationGraceMs: 30_000,
    trace: defaultTrace,
    metrics: defaultMetrics,
    elasticsearch: defaultElasticsearch,
    log: 'human',
    debug: false,
    user: {},
  })
  expect([files, warnings, where('projectName')]).toEqual([[], [], 'default'])
})

test('the configuration of the original readme loads as it is', async () => {
  const { settings, where, warnings } = await load({
    'config.yml': `projectName: "goms"
callServiceKey: "goms by panco"
etcdAddr:
  - "192.168.125.181:2379"
zipkinAddr: "http://192.168.125.183:9411/api/v2/spans"
redisAddr: "192.168.125.183:6379"
esAddr: "http://192.168.125.183:9200"
amqpAddr:
`,
    'services.yml': `services:
  user:
    register: "/register"
    login: "/login"
  order:
    submit: "/order/submit"
`,
  })
  expect(settings).toMatchObject({
    project: 'goms',
    callKey: 'goms by panco',
    registry: { kind: 'etcd', endpoints: ['192.168.125.181:2379'], dialect: 'goms' },
    zipkinAddr: 'http://192.168.125.183:9411/api/v2/spans',
    redisAddr: '192.168.125.183:6379',
    esAddr: 'http://192.168.125.183:9200',
    amqpAddr: undefined,
    routes: {
      user: { register: { path: '/register' }, login: { path: '/login' } },
      order: { submit: { path: '/order/submit' } },
    },
  })
  expect(where('services', 'user', 'login')).toBe('configs/services.yml:4:12')
  expect(warnings).toEqual([])
})

test('the configuration of go-garden loads as it is, whatever the case of its keys', async () => {
  const { settings, serviceName, warnings } = await load({
    'config.yml': `service:
  debug: true
  ServiceName: gateway
  serviceIp: 192.168.125.186
  httpOut: true
  httpPort: 8080
  allowCors: true
  rpcOut: false
  rpcPort: "9001"
  callkey: garden-key
  callRetry: 50/80/100
  etcdKey: garden
  etcdAddress:
    - 192.168.125.186:2379
  zipkinAddress: http://192.168.125.186:9411/api/v2/spans
  tracerDrive: jaeger
  jaegerAddress: 127.0.0.1:6831
  pushGatewayAddress: 127.0.0.1:9091

config:
  mysql: { dsn: root@tcp, pool: 5 }
`,
    'routes.yml': `routes:
  user:
    login:
      type: http
      path: /login
      limiter: 5/10000
      fusing: 5/1000
      timeout: 2000
    exists:
      type: in
      path: /exists
      Limiter: 5/10000
`,
  })
  expect(serviceName).toBe('gateway')
  expect(settings).toMatchObject({
    project: 'garden',
    callKey: 'garden-key',
    debug: true,
    httpPort: 8080,
    rpcPort: 9001,
    host: '0.0.0.0',
    advertise: { host: '192.168.125.186' },
    registry: { kind: 'etcd', endpoints: ['192.168.125.186:2379'], dialect: 'go-garden' },
    policy: { retries: 3, retryWaitsMs: [50, 80, 100], retryRule: 'safe' },
    gateway: { cors: { origins: ['*'] } },
    user: { mysql: { dsn: 'root@tcp', pool: 5 } },
  })
  expect(settings.routes.user).toEqual({
    login: {
      type: 'http',
      path: '/login',
      limiter: { calls: 10_000, perMs: 5000 },
      breaker: { calls: 1000, perMs: 5000 },
      timeoutMs: 2000,
    },
    exists: { type: 'rpc', path: '/exists', limiter: { calls: 10_000, perMs: 5000 } },
  })
  expect(warnings.map((line) => line.split(' is ignored')[0])).toEqual([
    'configs/config.yml:17:3: jaegerAddress',
    'configs/config.yml:18:3: pushGatewayAddress',
    'configs/config.yml:16:3: tracerDrive: jaeger',
  ])
})

test('everything that a route can say', async () => {
  const { settings } = await load({
    'services.yml': `services:
  user:
    exists: { type: rpc, limiter: 0.5/3, breaker: 5/100, callLimit: 1/1, timeoutMs: 5, totalTimeout: 900, retries: 0, retryBusy: true }
    login: { path: /login, method: [post, Get], idempotent: true, idempotencyKey: true, envelope: false, select: { version: 1.10, zone: a } }
    any: { path: /any, method: ANY }
    two: { path: /two, method: "GET|put" }
`,
  })
  expect(settings.routes.user).toEqual({
    exists: {
      type: 'rpc',
      limiter: { calls: 3, perMs: 500 },
      breaker: { calls: 100, perMs: 5000 },
      callLimit: { calls: 1, perMs: 1000 },
      timeoutMs: 5,
      totalTimeoutMs: 900,
      retries: 0,
      retryBusy: true,
    },
    login: {
      path: '/login',
      methods: ['POST', 'GET'],
      idempotent: true,
      idempotencyKey: true,
      envelope: false,
      select: { version: '1.10', zone: 'a' },
    },
    any: { path: '/any', methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] },
    two: { path: '/two', methods: ['GET', 'PUT'] },
  })
})

test('a flag wins over the environment, the environment over the file', async () => {
  const files = { 'config.yml': 'httpPort: 1\nrpcPort: 1\nadminPort: 1\ngateway: { cluster: off }\n' }
  const { settings, where } = await load(files, {
    flags: { 'http-port': '3' },
    env: { GOMS_HTTP_PORT: '2', GOMS_RPC_PORT: '2', GOMS_CLUSTER: 'public', HTTP_PORT: '9', GOMS_DEBUG: '' },
  })
  expect([settings.httpPort, settings.rpcPort, settings.adminPort, settings.gateway.cluster]).toEqual([
    3,
    2,
    1,
    'public',
  ])
  expect([where('httpPort'), where('rpcPort'), where('adminPort')]).toEqual([
    'flag -http_port',
    'environment variable GOMS_RPC_PORT',
    'configs/config.yml:3:12',
  ])
})

test.each([
  [{ etcd_addr: 'a:1|b:2' }, {}, '', ['etcd', 'a:1', 'b:2']],
  [{ etcd_addr: 'a:1' }, {}, 'registry: memory', ['etcd', 'a:1']],
  [{ registry: 'memory' }, { GOMS_ETCD_ADDR: 'b:1' }, 'etcdAddr: c:1', ['memory']],
  [{}, { GOMS_REGISTRY: 'etcd://b' }, 'etcdAddr: c:1', ['etcd', 'b:2379']],
  [{}, {}, 'registry: etcd\netcdAddr: "c:1|[::1]:2"', ['etcd', 'c:1', '[::1]:2']],
  [{}, {}, 'registry: embedded\netcdAddr: c:1', ['embedded']],
  [{ registry: 'etcd://d:1,e:2' }, {}, '', ['etcd', 'd:1', 'e:2']],
])('the registry by flags %j, environment %j and file %j is %j', async (flags, env, file, expected) => {
  const { settings } = await load({ 'config.yml': file }, { flags, env })
  expect([settings.registry.kind, ...settings.registry.endpoints]).toEqual(expected)
})

test('user and password of etcd come from the address or from their own keys', async () => {
  const first = await load({}, { flags: { registry: 'etcd://root:p%40ss%3A@h:1' } })
  expect(first.settings.registry).toMatchObject({ user: 'root', password: 'p@ss:', endpoints: ['h:1'], tls: undefined })
  const second = await load(
    { 'config.yml': 'etcdUser: u\netcdAddr: https://h:1\netcdTls: { ca: ca.pem }' },
    { env: { GOMS_ETCD_PASSWORD: 'p' } },
  )
  expect(second.settings.registry).toMatchObject({ user: 'u', password: 'p', tls: { ca: 'ca.pem' } })
  expect((await failure({ 'config.yml': 'etcdUser: u' }, { flags: { 'etcd-addr': 'h' } })).message).toBe(
    'etcd: a user without a password',
  )
})

test('TLS at the door needs both files, and an authority where certificates of clients count', async () => {
  const { settings } = await load({ 'config.yml': 'gateway: { tls: { cert: c.pem, key: k.pem }, http2: false }' })
  expect(settings.gateway).toMatchObject({
    tls: { cert: 'c.pem', key: 'k.pem', minVersion: 'TLSv1.2', clientCert: 'none' },
    http2: false,
  })
  expect((await load({})).settings.gateway).toMatchObject({ tls: undefined, http2: true })
  const wrong = async (tls: string) => (await failure({ 'config.yml': `gateway: { tls: ${tls} }` })).message
  expect(await wrong('{ cert: c.pem }')).toContain('key')
  expect(await wrong('{ cert: c.pem, key: k.pem, clientCert: require }')).toContain('clientCert is require')
})

test('a route has a limit of its own for bodies', async () => {
  const { settings } = await load({
    'config.yml': 'gateway: { maxBodyBytes: 1000, headTimeoutMs: 2000 }',
    'services.yml': 'services: { files: { up: { path: /up, maxBodyBytes: 5 }, down: /down } }',
  })
  expect(settings.gateway).toMatchObject({ maxBodyBytes: 1000, headTimeoutMs: 2000 })
  expect(settings.routes.files).toEqual({ up: { path: '/up', maxBodyBytes: 5 }, down: { path: '/down' } })
})

test('compat goms retries as the original did, unless told otherwise', async () => {
  const policy = async (text: string) => (await load({ 'config.yml': text })).settings.policy
  expect(await policy('compat: goms')).toMatchObject({ retries: 2, retryWaitsMs: [100, 200], retryRule: 'loose' })
  expect(await policy('compat: goms\nretries: 1')).toMatchObject({
    retries: 1,
    retryWaitsMs: undefined,
    retryRule: 'loose',
  })
  expect(await policy('compat: goms\ncallRetry: 1/2/3')).toMatchObject({ retries: 3, retryWaitsMs: [1, 2, 3] })
  expect(await policy('compat: go-garden')).toMatchObject({ retries: 1, retryWaitsMs: undefined, retryRule: 'safe' })
})

test('balance is a name, a hash, or a block by service', async () => {
  const balance = async (text: string) => (await load({ 'config.yml': text })).settings.balance
  expect(await balance('balance: p2c')).toEqual({ default: 'p2c', services: {} })
  expect(await balance('balance: { hash: { cookie: sid } }')).toEqual({
    default: { hash: { cookie: 'sid' } },
    services: {},
  })
  expect(await balance('balance: { default: random, user: p2c, order: { hash: { header: x-user } } }')).toEqual({
    default: 'random',
    services: { user: 'p2c', order: { hash: { header: 'x-user' } } },
  })
})

test('a block can be shared with an anchor, and a key overrides what is merged', async () => {
  const { settings } = await load({
    'config.yml':
      'config: { base: &base { limiter: 5/100, timeout: 1 } }\nservices: { user: { a: { <<: *base, path: /a, timeout: 2 } } }',
  })
  expect(settings.routes.user?.a).toEqual({ path: '/a', timeoutMs: 2, limiter: { calls: 100, perMs: 5000 } })
})

test('routes of services.yml and routes.yml are put together', async () => {
  const { settings } = await load({
    'services.yml': 'services: { user: { login: /login } }',
    'routes.yaml': 'routes: { user: { exists: { type: rpc } }, pay: { order: /order } }',
  })
  expect(settings.routes).toEqual({
    user: { login: { path: '/login' }, exists: { type: 'rpc' } },
    pay: { order: { path: '/order' } },
  })
})

test('callers without the key are let in only where the files say so', async () => {
  expect((await load({ 'config.yml': 'admit: go' })).settings.admitGo).toBe(true)
  expect((await load({ 'config.yml': 'admit: keyed' })).settings.admitGo).toBe(false)
  // Not even go-garden's own files open the door: their nodes trust each other, ours do not.
  expect((await load({ 'config.yml': 'service: { callKey: garden-key }' })).settings.admitGo).toBe(false)
  expect((await failure({ 'config.yml': 'admit: all' })).code).toBe('GOMS_CONFIG_INVALID')
})

test('production asks for a registry and for a key that nobody guesses', async () => {
  const env = { NODE_ENV: 'production' }
  expect((await failure({}, { env })).code).toBe('GOMS_REGISTRY_NOT_CHOSEN')
  expect((await load({}, { env, role: 'tool' })).settings.registry.kind).toBe('embedded')
  expect((await load({}, { env, flags: { registry: 'embedded' } })).settings.callKey).toBeUndefined()
  const etcd = { 'config.yml': 'etcdAddr: h:1\ncallServiceKey: s3cret\n' }
  const error = await failure(etcd, { env })
  expect([error.code, error.message]).toEqual([
    'GOMS_CALL_KEY_WEAK',
    'callServiceKey is too short (6 bytes, at least 8 bytes)',
  ])
  expect(error.detail?.frame).not.toContain('s3cret')
  expect((await load(etcd)).warnings).toEqual([
    'callServiceKey is too short (6 bytes, at least 8 bytes); in production this is an error',
  ])
  expect((await load(etcd, { env: { ...env, GOMS_CALL_SERVICE_KEY: 'long enough' } })).warnings).toEqual([])
})

test('a directory that was asked for must be there', async () => {
  const error = await failure({}, { flags: { configs: 'conf' } })
  expect([error.code, error.message]).toEqual([
    'GOMS_CONFIG_UNREADABLE',
    'flag -configs: the directory conf is not there',
  ])
  expect((await failure({}, { env: { GOMS_CONFIGS: 'c' } })).message).toBe(
    'environment variable GOMS_CONFIGS: the directory c is not there',
  )
})

test('files that are too long, not text or there twice are refused', async () => {
  expect((await failure({ 'config.yml': 'a'.repeat(1_048_577) })).message).toBe(
    'configs/config.yml is too long (1048577 bytes, at most 1048576)',
  )
  expect((await failure({ 'config.yml': Buffer.from([0x61, 0xff, 0xfe]) })).code).toBe('GOMS_CONFIG_SYNTAX')
  expect((await failure({ 'config.yml': 'debug: true', 'config.yaml': 'debug: true' })).message).toContain(
    'both config.yml and config.yaml are there',
  )
})

test('alias bombs and bottomless nesting are refused at once', async () => {
  const lines = ['config:', '  a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 12; i++)
    lines.push(
      `  a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    )
  const startedAt = performance.now()
  expect((await failure({ 'config.yml': lines.join('\n') })).message).toContain('aliases')
  expect((await failure({ 'config.yml': 'config: { a: &a [*a] }' })).code).toMatch(/GOMS_CONFIG_/)
  expect((await failure({ 'config.yml': `config: ${'['.repeat(50_000)}` })).code).toMatch(/GOMS_CONFIG_/)
  expect((await failure({ 'config.yml': `config: ${'['.repeat(90)}${']'.repeat(90)}` })).message).toContain(
    'nested deeper than 64',
  )
  expect(performance.now() - startedAt).toBeLessThan(5000)
})

test('all mistakes are told at once, in the order of the files', async () => {
  const error = await failure(
    { 'config.yml': 'drian: 1\nretries: 99\n', 'services.yml': 'services: { user: { a: login } }' },
    { flags: { 'http-port': '70000' } },
  )
  expect(error.message).toBe('expected -http_port to be a port from 0 to 65535, got `"70000"` (and 3 more)')
  expect((error.cause as AggregateError).errors.map((one: GomsError) => `${one.code} ${one.message}`)).toEqual([
    'GOMS_USAGE expected -http_port to be a port from 0 to 65535, got `"70000"`',
    'GOMS_CONFIG_UNKNOWN_KEY unknown key "drian"',
    'GOMS_CONFIG_INVALID expected `retries` to be an integer from 0 to 10, got `99` (number)',
    'GOMS_CONFIG_INVALID expected `services.user.a` to be a path that starts with "/", without spaces, "?" and "#", got `"login"`',
  ])
})

test('a variable that is nearly one of ours is warned of, others are none of our business', async () => {
  const { warnings } = await load({}, { env: { GOMS_HTP_PORT: '1', GOMS_ELEPHANT: '2' } })
  expect(warnings).toEqual(['environment variable GOMS_HTP_PORT is not known, did you mean GOMS_HTTP_PORT?'])
})

test('traces, metrics and what goes to Elasticsearch have keys of their own', async () => {
  const { settings } = await load({
    'config.yml': `trace: { sample: 0.01, routes: { user/login: 1 }, slow: 0, propagate: "b3-single,uber", redact: [ssn] }
metrics: { enabled: false }
elasticsearch: { logs: false }
`,
  })
  expect(settings.trace).toEqual({
    ...{ ...defaultTrace, sample: 0.01, routes: { 'user/login': 1 }, slowMs: Number.POSITIVE_INFINITY },
    ...{ propagate: ['b3-single', 'uber'], redact: ['ssn'] },
  })
  expect([settings.metrics.enabled, settings.elasticsearch]).toEqual([false, { logs: false, traces: true }])
  const wrong = await load({ 'config.yml': 'trace: { propagate: [w3c, jaeger] }\n' }).catch((error) => String(error))
  expect(wrong).toContain('a list of w3c, b3, b3-single, uber')
})
