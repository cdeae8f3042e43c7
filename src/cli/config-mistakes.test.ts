import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { loadSettings } from '../config/load.ts'
import { formatError } from './error-output.ts'

const directories: string[] = []

afterEach(async () => {
  await Promise.all(directories.splice(0).map((directory) => rm(directory, { recursive: true })))
})

async function printed(files: Readonly<Record<string, string>>, env: Record<string, string> = {}): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'goms-mistakes-'))
  directories.push(cwd)
  await mkdir(join(cwd, 'configs'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, 'configs', name), text)
  const error = await loadSettings({ cwd, env }).then(
    () => 'no error',
    (thrown: unknown) => thrown,
  )
  return formatError(error)
}

const inServices: readonly (readonly [what: string, text: string, expected: string])[] = [
  [
    'a mistyped key',
    `services:
  user:
    exists: { type: rpc, limitter: 5/100, timeout: 2000 }
`,
    `error[GOMS_CONFIG_UNKNOWN_KEY]: unknown key "limitter" in services.user.exists
  --> configs/services.yml:3:26
   |
 3 |     exists: { type: rpc, limitter: 5/100, timeout: 2000 }
   |                          ^^^^^^^^ did you mean "limiter"?
   |
   = help: allowed keys: type, path, method, limiter, breaker, callLimit, timeout, totalTimeout, retries, retryBusy, idempotent, idempotencyKey, envelope, maxBodyBytes, select
`,
  ],
  [
    'a malformed rate',
    `services:
  user:
    exists:
      limiter: "5/x"
`,
    `error[GOMS_CONFIG_INVALID]: expected \`services.user.exists.limiter\` to be seconds/count such as 5/100, or a block with calls and per, got \`"5/x"\`
  --> configs/services.yml:4:16
   |
 4 |       limiter: "5/x"
   |                ^^^^^
   |
   = help: 5/100 means 100 in any 5 seconds at each node; { calls: 100, per: 5000, shared: true } in the whole project
`,
  ],
  [
    'a malformed value under the name of go-garden',
    'routes: { user: { exists: { fusing: 100 } } }\n',
    `error[GOMS_CONFIG_INVALID]: expected \`routes.user.exists.fusing\` to be seconds/count such as 5/100, got \`"100"\`
  --> configs/services.yml:1:37
   |
 1 | routes: { user: { exists: { fusing: 100 } } }
   |                                     ^^^
   |
   = help: 5/100 means 100 in any 5 seconds; seconds above 0, count from 1 to 1000000
`,
  ],
  [
    'a service name with an underscore',
    `services:
  user_center:
    login: /login
`,
    `error[GOMS_NAME_INVALID]: the service name "user_center" cannot be used
  --> configs/services.yml:2:3
   |
 2 |   user_center:
   |   ^^^^^^^^^^^ call it "user-center"
   |
   = help: no "_": it separates the parts of a key in the registry
`,
  ],
  [
    'an action twice in one file',
    `services:
  user:
    login: /login
    login: /sign-in
`,
    `error[GOMS_CONFIG_DUPLICATE]: services.user.login is defined twice, first at configs/services.yml:3:5
  --> configs/services.yml:4:5
   |
 4 |     login: /sign-in
   |     ^^^^^ defined again here
   |
   = help: keep one of the two
`,
  ],
  [
    'an action under services and under routes',
    `services: { user: { login: /login } }
routes: { user: { login: { path: /sign-in } } }
`,
    `error[GOMS_CONFIG_DUPLICATE]: routes.user.login is defined twice, first at configs/services.yml:1:21
  --> configs/services.yml:2:19
   |
 2 | routes: { user: { login: { path: /sign-in } } }
   |                   ^^^^^ defined again here
   |
   = help: keep one of the two
`,
  ],
  [
    'one key under both of its names',
    'services: { user: { a: { breaker: 1/1, fusing: 2/2 } } }\n',
    `error[GOMS_CONFIG_DUPLICATE]: services.user.a.fusing is defined twice, first at configs/services.yml:1:26
  --> configs/services.yml:1:40
   |
 1 | services: { user: { a: { breaker: 1/1, fusing: 2/2 } } }
   |                                        ^^^^^^ defined again here
   |
   = help: keep one of the two
`,
  ],
  [
    'a type that is near to one',
    'services: { user: { a: { type: rcp } } }\n',
    `error[GOMS_CONFIG_INVALID]: expected \`services.user.a.type\` to be one of http, rpc, out, in, got \`"rcp"\`
  --> configs/services.yml:1:32
   |
 1 | services: { user: { a: { type: rcp } } }
   |                                ^^^ did you mean "rpc"?
   |
`,
  ],
  [
    'a route that is neither path nor block',
    'services: { user: { a: 5 } }\n',
    `error[GOMS_CONFIG_INVALID]: expected \`services.user.a\` to be a path that starts with "/", without spaces, "?" and "#", got \`"5"\`
  --> configs/services.yml:1:24
   |
 1 | services: { user: { a: 5 } }
   |                        ^
   |
`,
  ],
  [
    'a total that ends before the time-out',
    'services: { user: { a: { timeout: 2000, totalTimeout: 1000 } } }\n',
    `error[GOMS_CONFIG_INVALID]: services.user.a.totalTimeout is less than timeout (1000 and 2000 ms)
  --> configs/services.yml:1:55
   |
 1 | services: { user: { a: { timeout: 2000, totalTimeout: 1000 } } }
   |                                                       ^^^^
   |
   = help: the total lasts until the end of the answer, timeout until its head: raise the one or lower the other
`,
  ],
  [
    'text that is no YAML',
    'services:\n  user: { login: /login\n  order: 1\n',
    `error[GOMS_CONFIG_SYNTAX]: configs/services.yml is not valid YAML: Flow map in block collection must be sufficiently indented and end with a }
  --> configs/services.yml:3:3
   |
 3 |   order: 1
   |   ^
   |
`,
  ],
  [
    'a tab as indentation',
    'services:\n\tuser: 1\n',
    `error[GOMS_CONFIG_SYNTAX]: configs/services.yml is not valid YAML: Tabs are not allowed as indentation
  --> configs/services.yml:2:1
   |
 2 | \tuser: 1
   | ^
   |
   = help: indent with spaces, YAML allows no tabs there
`,
  ],
  [
    'a list where keys belong',
    '- a\n- b\n',
    `error[GOMS_CONFIG_INVALID]: expected configs/services.yml to hold keys, got a list
  --> configs/services.yml:1:1
   |
 1 | - a
   | ^^^
   |
   = help: write \`key: value\` lines, for example \`projectName: goms\`
`,
  ],
]

test.each(inServices)('%s', async (_, text, expected) => {
  expect(await printed({ 'services.yml': text })).toBe(expected)
})

const inConfig: readonly (readonly [text: string, expected: string])[] = [
  [
    'callRetry: 100/x',
    'expected `callRetry` to be waits in milliseconds such as 100/200/200, at most 10 of at most 99999, got `"100/x"`',
  ],
  ['retries: -1', 'expected `retries` to be an integer from 0 to 10, got `-1` (number)'],
  ['retries: 1.5', 'expected `retries` to be an integer from 0 to 10, got `1.5` (number)'],
  ['httpPort: 70000', 'expected `httpPort` to be a port from 0 to 65535, got `70000` (number)'],
  ['httpPort: "abc"', 'expected `httpPort` to be a port from 0 to 65535, got `"abc"`'],
  ['adminPort: on', 'expected `adminPort` to be a port from 0 to 65535 or "off", got `"on"`'],
  ['timeout: 2s', 'expected `timeout` to be milliseconds from 1 to 3600000, got `"2s"`'],
  ['timeout: [1]', 'expected `timeout` to be milliseconds from 1 to 3600000, got a list'],
  ['debug: maybe', 'expected `debug` to be true or false, got `"maybe"`'],
  ['compat: go-gardn', 'expected `compat` to be one of native, goms, go-garden, got `"go-gardn"`'],
  ['projectName: go_ms', 'the project name "go_ms" cannot be used'],
  [
    'registry: etdc',
    'expected `registry` to be memory, embedded, or etcd://[user:password@]host:port,host:port, got `"etdc"`',
  ],
  ['registry: etcd', 'etcd without an address'],
  ['etcdAddr: ["h:1", "h:x"]', 'expected `etcdAddr[1]` to be host:port, got `"h:x"`'],
  ['etcdAddr: { a: b }', 'expected `etcdAddr` to be host:port or a list of them, got a block'],
  ['registry: etcd://a\netcdAddr: b', 'the address of etcd is given twice, in registry and in etcdAddr'],
  ['gateway: { lbDrane: 1 }', 'unknown key "lbDrane" in gateway'],
  ['gateway: 5', 'expected `gateway` to be a block of keys, got `5` (number)'],
  [
    'balance: fastest',
    'expected `balance` to be round-robin, weighted, random, least-in-flight, p2c, or { hash: { header | cookie | query: name } }, got `"fastest"`',
  ],
  ['gateway: { cors: { origins: "*", credentials: true } }', 'gateway.cors: credentials together with the origin `*`'],
  [
    'zipkinAddr: ftp://zipkin:9411',
    'expected `zipkinAddr` to be an address such as http://host:9411/api/v2/spans, http://host:9411 or host:9411, got `"ftp://zipkin:9411"`',
  ],
  [
    'trace: { otlpAddr: "collector:port" }',
    'expected `trace.otlpAddr` to be an address such as http://host:4318/v1/traces, http://host:4318 or host:4318, got `"collector:port"`',
  ],
  [
    'esAddr: "http://es-1:9200|ftp://me:hunter2@es-2"',
    'expected `esAddr` to be an address such as http://host:9200, https://user:password@host:9200 or host:9200, or several with | between them, got `"ftp://es-2"`',
  ],
  [
    'amqpAddr: "http://me:hunter2@mq:5672"',
    'expected `amqpAddr` to be an address such as amqp://user:password@host:5672/vhost, amqps://host or host:5672, got `"http://mq:5672"`',
  ],
  ['gateway: { cors: { methods: GET } }', '`gateway.cors` lacks the key `origins`'],
  ['service: { etcdKy: a }', 'unknown key "etcdKy" in service'],
  ['service: { etcdKey: a }\nprojectName: b', 'projectName is defined twice, first at configs/config.yml:2:1'],
  ['? [a]\n: b', 'expected a key to be a text, got a list or a block'],
  ['services: { constructor: { a: /a } }', 'the name "constructor" cannot be used'],
]

test.each(inConfig)('%j is refused with its place', async (text, expected) => {
  const [first, second] = (await printed({ 'config.yml': text })).split('\n')
  expect(first?.replace(/^error\[\w+\]: /, '')).toBe(expected)
  expect(second).toMatch(/^ {2}--> configs\/config\.yml:\d+:\d+$/)
})

test('several mistakes are printed one below the other, and counted', async () => {
  expect(await printed({ 'config.yml': 'debgu: true\nretries: 11\n' })).toBe(
    `error[GOMS_CONFIG_UNKNOWN_KEY]: unknown key "debgu"
  --> configs/config.yml:1:1
   |
 1 | debgu: true
   | ^^^^^ did you mean "debug"?
   |
   = help: allowed keys: projectName, callServiceKey, admit, registry, etcdAddr, etcdUser, etcdPassword, etcdTls, embeddedPort, registryDialect, registryTimeout, leaseTtl, httpPort, rpcPort, host, advertise, adminHost, adminPort, services, publishRoutes, timeout, totalTimeout, retries, callRetry, retryBusy, limiter, breaker, callLimit, balance, compat, gateway, drain, terminationGrace, log, debug, runtime, trace, metrics, zipkinAddr, redisAddr, esAddr, elasticsearch, amqpAddr, service, config

error[GOMS_CONFIG_INVALID]: expected \`retries\` to be an integer from 0 to 10, got \`11\` (number)
  --> configs/config.yml:2:10
   |
 2 | retries: 11
   |          ^^
   |

2 mistakes, nothing was done
`,
  )
})

test('a secret on the line is shown as stars', async () => {
  const output = await printed({ 'config.yml': 'registry: etcd://root:hunter2@\n' })
  expect(output).toContain('error[GOMS_CONFIG_INVALID]')
  expect(output).not.toContain('hunter2')
})

test('a wrong variable is named', async () => {
  expect(await printed({}, { GOMS_HTTP_PORT: 'x' })).toBe(
    `error[GOMS_CONFIG_INVALID]: expected GOMS_HTTP_PORT to be a port from 0 to 65535, got \`"x"\`
  --> environment variable GOMS_HTTP_PORT
`,
  )
})
