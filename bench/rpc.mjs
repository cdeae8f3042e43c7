/**
 * `npm run bench -- rpc`: calls between two processes, ours beside the others, in interleaved rounds. Counts CPU time of
 * both processes per call, which holds on a shared machine where rates do not. Checks answers before it times anything.
 *
 * --peers goms,raw,…      who takes part (bench/rpc/contestants.mjs); all by default
 * --in-flight 1,64,1000   calls that wait at once, each with one method and with the mix of fifty
 * --payload small,1k,64k  what travels; all but `small` with one method and 64 in flight only
 * --rounds 5              of all scenarios
 * --window-ms 600         for each scenario of a contestant in a round
 * --out, --dry-run        the page whose part is written, or that it is only printed
 */
import { spawn, spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cpuUs } from './common/cpu.mjs'
import { writePart } from './common/page.mjs'
import { about, command, versionOf } from './common/report.mjs'
import { CONTESTANTS } from './rpc/contestants.mjs'
import { PAYLOADS } from './rpc/payloads.mjs'
import { report } from './rpc/report.mjs'

const { values: options } = parseArgs({
  options: {
    peers: { type: 'string', default: Object.keys(CONTESTANTS).join(',') },
    rounds: { type: 'string', default: '5' },
    'window-ms': { type: 'string', default: '600' },
    'in-flight': { type: 'string', default: '1,64,1000' },
    payload: { type: 'string', default: Object.keys(PAYLOADS).join(',') },
    out: { type: 'string', default: join(import.meta.dirname, '..', 'docs', 'benchmarks.md') },
    'dry-run': { type: 'boolean', default: false },
  },
})

const names = options.peers.split(',')
for (const name of names)
  if (!Object.hasOwn(CONTESTANTS, name)) throw new Error(`--peers: ${name} is none of ${Object.keys(CONTESTANTS)}`)
const rounds = Number(options.rounds)
const windowMs = Number(options['window-ms'])
const payloads = options.payload.split(',')
for (const name of payloads)
  if (!Object.hasOwn(PAYLOADS, name)) throw new Error(`--payload: ${name} is none of ${Object.keys(PAYLOADS)}`)
/** Of a payload that is large: enough to keep both sides busy, and little enough to fit every limit. */
const LARGE_IN_FLIGHT = 64
const ofSmall = options['in-flight'].split(',').flatMap((n) => {
  const inFlight = Number(n)
  const one = { name: `${inFlight}`, inFlight, mix: false, payload: 'small' }
  return inFlight === 1 ? [one] : [one, { ...one, name: `${inFlight} mixed`, mix: true }]
})
const scenarios = payloads.flatMap((payload) =>
  payload === 'small' ? ofSmall : [{ name: payload, inFlight: LARGE_IN_FLIGHT, mix: false, payload }],
)
/** Whether that contestant is measured in that scenario. */
function takesPart(name, { inFlight, mix, payload }) {
  return CONTESTANTS[name].addsTo === undefined || (payload === 'small' && inFlight > 1 && !mix)
}
const pin = cpus().length > 1 && process.platform === 'linux'
const children = new Set()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

const worker = join(import.meta.dirname, 'rpc', 'worker.mjs')

function start(cpu, ...args) {
  const command = pin ? 'taskset' : process.execPath
  const before = pin ? ['-c', String(cpu), process.execPath] : []
  const child = spawn(command, [...before, worker, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  children.add(child)
  child.once('exit', (code) => {
    children.delete(child)
    if (!closing) {
      process.stderr.write(`${args.join(' ')} ended (${code})\n`)
      process.exit(1)
    }
  })
  return child
}

const heard = (child) => new Promise((resolve) => child.once('message', resolve))

async function ask(child, message) {
  const answer = heard(child)
  child.send(message)
  const { result, error } = await answer
  if (error) throw new Error(error)
  return result
}

let closing = false
const pairs = []
for (const name of names) {
  const server = start(0, 'server', name)
  const { port } = await heard(server)
  const client = start(1, 'client', name, String(port))
  await heard(client)
  process.stderr.write(`${name}: `)
  const { checked } = await ask(client, { task: 'check', payloads })
  process.stderr.write(`${checked} answers are right\n`)
  pairs.push({ name, server, client })
}

/** samples[scenario][contestant] = one entry a round */
const samples = Object.fromEntries(
  scenarios.map((it) => [
    it.name,
    Object.fromEntries(names.filter((name) => takesPart(name, it)).map((name) => [name, []])),
  ]),
)
/** How long a contestant may take to be compiled: the fifty methods of the mix have ten times as much to be. */
const WARM_MS = 15_000
/** Two windows that differ by less are both of compiled code. */
const SETTLED = 0.1
/** A process that others kept from its CPU for a whole window is asked again that often. */
const TRIES = 5

/** One window. CPU time comes in ticks of 10 ms: a window in which a side got none says nothing, and is repeated. */
async function measure({ name, server, client }, scenario, ms) {
  for (let i = 0; i < TRIES; i++) {
    const before = [cpuUs(server.pid), cpuUs(client.pid)]
    const { calls, wallMs, p50Us } = await ask(client, { task: 'measure', windowMs: ms, ...scenario })
    const serverUs = (cpuUs(server.pid) - before[0]) / calls
    const clientUs = (cpuUs(client.pid) - before[1]) / calls
    if (serverUs > 0 && clientUs > 0) {
      return { cpuUs: serverUs + clientUs, serverUs, clientUs, perSecond: (calls / wallMs) * 1000, p50Us }
    }
  }
  throw new Error(`${name}: ${TRIES} windows without CPU time on one side`)
}

/** Until two windows agree. */
async function warmUp(pair, scenario) {
  const endMs = performance.now() + WARM_MS
  let last = Number.POSITIVE_INFINITY
  do {
    const { cpuUs: now } = await measure(pair, scenario, 4 * windowMs)
    if (Math.abs(now - last) < SETTLED * last) return
    last = now
  } while (performance.now() < endMs)
}

for (const pair of pairs) {
  for (const scenario of scenarios) if (takesPart(pair.name, scenario)) await warmUp(pair, scenario)
  process.stderr.write(`${pair.name} is warm\n`)
}
for (let round = 0; round < rounds; round++) {
  for (const scenario of scenarios) {
    for (let i = 0; i < pairs.length; i++) {
      // Another one begins each time: the first in a batch is often disturbed.
      const pair = pairs[(i + round) % pairs.length]
      if (takesPart(pair.name, scenario)) {
        samples[scenario.name][pair.name].push(await measure(pair, scenario, windowMs))
      }
    }
  }
  process.stderr.write(`round ${round + 1} of ${rounds}\n`)
}
closing = true
for (const { server, client } of pairs) {
  client.kill()
  server.kill()
}

/** Alone, after all others. */
function measureLocal() {
  const done = spawnSync(process.execPath, [join(import.meta.dirname, 'rpc', 'local.mjs')], {
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  if (done.status !== 0) throw new Error(`local: ended (${done.status})`)
  return JSON.parse(String(done.stdout).trim().split('\n').at(-1))
}

const local = names.includes('goms') ? measureLocal() : undefined
const text = report({
  names,
  scenarios,
  samples,
  local,
  about: {
    ...about(),
    pinned: pin,
    versions: names.flatMap((name) => (CONTESTANTS[name].packages ?? []).map(versionOf)),
    command: command('rpc'),
    rounds,
    windowMs,
  },
})
process.stdout.write(text)
if (!options['dry-run']) writePart(options.out, 'rpc', text)
