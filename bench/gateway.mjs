/**
 * `npm run bench -- gateway`: the gateway of goms beside others, in interleaved rounds. Counts CPU time of the gateway's
 * processes per request, which holds on a shared machine where rates do not. Checks answers before it times anything.
 *
 * --seeing                what seeing costs: goms with nothing on beside ids, metrics, traces and the access log, for the small GET only
 * --peers goms,nginx,…    who takes part (bench/gateway/contestants.mjs); all by default, but for those of --seeing
 * --scenarios get,large   what is asked for (bench/gateway/scenarios.mjs); all by default
 * --rounds 5              of all scenarios
 * --window-ms 500         for each scenario of a gateway in a round
 * --port 19600            the first of the thirty ports that are used
 * --no-latency, --no-memory   leave that part out
 * --cpu-prof <dir>        where gateways in Node write a profile of their rounds, to find out what they do
 * --out, --dry-run        the page whose part is written, or that it is only printed; the chart stands beside it
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { writePart } from './common/page.mjs'
import { requireFreePorts, requirePrograms } from './common/programs.mjs'
import { about, command, versionOf } from './common/report.mjs'
import { CHART_FILE, chart } from './gateway/chart.mjs'
import { check } from './gateway/check.mjs'
import { CONTESTANTS, isAvailable, namesOf } from './gateway/contestants.mjs'
import { startGateway } from './gateway/gateways.mjs'
import { measureLatency } from './gateway/latency.mjs'
import { measureMemory } from './gateway/memory.mjs'
import { registerNodes, startNodes } from './gateway/nodes.mjs'
import { startSpanReceiver } from './gateway/receivers.mjs'
import { programVersions, report } from './gateway/report.mjs'
import { SCENARIOS } from './gateway/scenarios.mjs'
import { seeingReport } from './gateway/seeing-report.mjs'
import { unseen } from './gateway/seen.mjs'
import { scriptOf, window } from './gateway/wrk.mjs'

const { values: options } = parseArgs({
  options: {
    seeing: { type: 'boolean', default: false },
    peers: { type: 'string' },
    scenarios: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    'window-ms': { type: 'string', default: '500' },
    port: { type: 'string', default: '19600' },
    'no-latency': { type: 'boolean', default: false },
    'no-memory': { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
    out: { type: 'string', default: join(import.meta.dirname, '..', 'docs', 'benchmarks.md') },
    'dry-run': { type: 'boolean', default: false },
  },
})
const list = (text, known, option) => {
  const names = text.split(',')
  for (const name of names)
    if (!Object.hasOwn(known, name)) throw new Error(`--${option}: ${name} is none of ${Object.keys(known)}`)
  return names
}
const { seeing } = options
const names = list(options.peers ?? namesOf({ seeing }).join(','), CONTESTANTS, 'peers').filter((name) => {
  const available = isAvailable(name)
  if (!available) process.stderr.write(`${name}: this version of goms does not have it yet\n`)
  return available
})
const scenarios = list(options.scenarios ?? (seeing ? 'get' : Object.keys(SCENARIOS).join(',')), SCENARIOS, 'scenarios')
const rounds = Number(options.rounds)
const windowMs = Number(options['window-ms'])
const firstPort = Number(options.port)

requirePrograms({
  taskset: 'util-linux',
  ...(seeing && { mkfifo: 'coreutils' }),
  wrk: 'wrk',
  nginx: 'nginx',
  ...(names.includes('haproxy') && { haproxy: 'haproxy' }),
  ...(names.some((name) => CONTESTANTS[name].tls) && { openssl: 'openssl' }),
})
await requireFreePorts(Array.from({ length: 30 }, (_, i) => firstPort + i))
// All load comes from CPU 1, this process and what it starts there.
spawnSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)])
const dir = mkdtempSync(join(tmpdir(), 'goms-gateway-bench-'))
// nginx reads it as another user.
chmodSync(dir, 0o755)
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))

const place = {
  dir,
  project: 'bench',
  nodes: [firstPort, firstPort + 1],
  registryPort: firstPort + 3,
  spansPort: firstPort + 4,
  ownPorts: [firstPort + 8, firstPort + 9],
}
startNodes({ cpu: 1, ports: place.nodes, originPort: firstPort + 2, dir })
await registerNodes({ ports: place.nodes, ...place })
const spans = seeing ? startSpanReceiver(place.spansPort) : undefined
const portOf = (name) => firstPort + 10 + names.indexOf(name)
const say = (text) => process.stderr.write(`${text}\n`)

const profile = options['cpu-prof'] && ['--cpu-prof', `--cpu-prof-dir=${resolve(options['cpu-prof'])}`]
const gateways = []
for (const name of names) {
  const gateway = await startGateway(name, portOf(name), place, profile)
  gateways.push(gateway)
  const checked = await check(gateway.base, CONTESTANTS[name]).catch((error) => {
    throw new Error(`${name}: ${error.message}`)
  })
  say(`${name}: right in ${checked.join(', ')}`)
}

const FIRST_WARM_REQUESTS = 25_000
const WARM_REQUESTS = 4000
const LONGEST_WARM_S = 8
const takesPart = (name, scenario) => CONTESTANTS[name].only?.includes(scenario) ?? true
const scripts = Object.fromEntries(scenarios.map((name) => [name, scriptOf(SCENARIOS[name], dir, name)]))
/** How many requests of the load each gateway has answered. */
const answered = new Map(names.map((name) => [name, 0]))
async function measure({ name, base, pid }, scenario, ms) {
  const { path } = SCENARIOS[scenario]
  const measured = await window({ base, path, script: scripts[scenario], pid, windowMs: ms })
  answered.set(name, answered.get(name) + measured.answered)
  return measured
}

/** Until what is hot is compiled, however slow the gateway; its first scenario does most of it. */
async function warm(gateway, scenario, first) {
  const wanted = first ? FIRST_WARM_REQUESTS : WARM_REQUESTS
  for (let requests = 0, seconds = 0; requests < wanted && seconds < LONGEST_WARM_S; seconds++)
    requests += (await measure(gateway, scenario, 1000)).requests
}

/** samples[scenario][gateway] = one entry a round */
const samples = Object.fromEntries(
  scenarios.map((it) => [
    it,
    Object.fromEntries(names.filter((name) => takesPart(name, it)).map((name) => [name, []])),
  ]),
)
for (const gateway of gateways)
  for (const scenario of scenarios)
    if (takesPart(gateway.name, scenario)) await warm(gateway, scenario, scenario === scenarios[0])
say('all are warm')
for (let round = 0; round < rounds; round++) {
  for (const scenario of scenarios) {
    for (let i = 0; i < gateways.length; i++) {
      // Another one begins each time: the first in a batch is often disturbed.
      const gateway = gateways[(i + round) % gateways.length]
      if (!takesPart(gateway.name, scenario)) continue
      samples[scenario][gateway.name].push(await measure(gateway, scenario, windowMs))
    }
  }
  say(`round ${round + 1} of ${rounds}`)
}
const refused = seeing ? await unseen(gateways, answered, spans) : undefined
const latency = seeing || options['no-latency'] ? undefined : await measureLatency(gateways, say)
await Promise.all(gateways.map((gateway) => gateway.stop()))
const memory =
  seeing || options['no-memory']
    ? undefined
    : await measureMemory(names, (name) => startGateway(name, portOf(name), place), say)

const results = {
  names,
  scenarios,
  samples,
  latency,
  memory,
  refused,
  about: {
    ...about(),
    command: command('gateway'),
    rounds,
    windowMs,
    versions: [
      ...programVersions(names),
      ...names.flatMap((name) => (CONTESTANTS[name].packages ?? []).map(versionOf)),
    ],
  },
}
const text = seeing ? seeingReport(results) : report(results)
process.stdout.write(text)
if (!options['dry-run']) {
  writePart(options.out, seeing ? 'seeing' : 'gateway', text)
  if (!seeing) writeFileSync(join(dirname(options.out), CHART_FILE), chart(results))
}
process.exit(0)
