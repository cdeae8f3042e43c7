/**
 * `npm run bench -- events`: events over a real RabbitMQ beside the client alone, in interleaved rounds. Publishing is with
 * confirms, consuming with an acknowledgement each; both have a quorum queue. What comes out is checked before it is timed.
 *
 * --rounds 7            of all scenarios
 * --messages 10000      in each
 * --in-flight 1,64,1000 publishers that wait for their confirm
 * --out, --dry-run      the page whose part is written, or that it is only printed
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { endEpmd, RABBITMQ_READY, rabbitMqProgram } from '../scripts/rabbitmq.mjs'
import { writePart } from './common/page.mjs'
import { requirePrograms, start, stop } from './common/programs.mjs'
import { report } from './events/report.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    messages: { type: 'string', default: '10000' },
    'in-flight': { type: 'string', default: '1,64,1000' },
    out: { type: 'string', default: join(import.meta.dirname, '..', 'docs', 'benchmarks.md') },
    'dry-run': { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
const messages = Number(options.messages)
const windows = options['in-flight'].split(',').map(Number)
const CONTESTANTS = ['bare', 'goms']

requirePrograms({ 'rabbitmq-server': 'rabbitmq-server', taskset: 'util-linux' })
const dir = mkdtempSync(join(tmpdir(), 'goms-bench-'))
const port = await freePort()
const program = rabbitMqProgram(dir, [port, await freePort(), await freePort()])
const broker = spawn('taskset', ['-c', String(cpus().length - 1), program.command], {
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
  env: { ...process.env, ...program.env },
})
process.on('exit', () => {
  try {
    process.kill(-broker.pid, 'SIGKILL')
  } catch {
    // Gone already.
  }
  endEpmd(program)
  rmSync(dir, { recursive: true, force: true })
})
await untilReady()

const address = `amqp://guest:guest@127.0.0.1:${port}`
const workers = new Map()
for (const name of CONTESTANTS) {
  // The consumer first: what is published has a queue to go to.
  for (const role of ['consume', 'publish']) {
    const args = [join(import.meta.dirname, 'events', 'worker.mjs'), name, address, role]
    const worker = start(0, process.execPath, args, { ipc: true })
    await once(worker, 'message')
    workers.set(`${name} ${role}`, worker)
  }
}
const CHECKED = 1000
for (const name of CONTESTANTS) {
  await ask(name, 'publish', { task: 'publish', count: CHECKED, inFlight: 64 })
  const { seen } = await ask(name, 'consume', { task: 'check', count: CHECKED })
  if (new Set(seen).size !== CHECKED) throw new Error(`${name}: ${new Set(seen).size} of ${CHECKED} came`)
}

const scenarios = [
  ...windows.map((inFlight) => ({
    name: `publish, ${inFlight} in flight`,
    inFlight,
    count: Math.min(messages, inFlight * 1000),
  })),
  { name: 'consume', count: messages },
]
const results = Object.fromEntries(scenarios.map(({ name }) => [name, { bare: [], goms: [] }]))
// Not counted: compilers and caches are cold.
for (let round = -1; round < rounds; round++) {
  for (const { name, inFlight, count } of scenarios) {
    const order = round % 2 === 0 ? CONTESTANTS : [...CONTESTANTS].reverse()
    for (const contestant of order) {
      // What is consumed is published before; what was published is consumed after, so that queues stay short.
      const published = await ask(contestant, 'publish', { count, inFlight: inFlight ?? 1000 })
      const consumed = await ask(contestant, 'consume', { count })
      const { tookMs, cpuUs } = inFlight === undefined ? consumed : published
      if (round >= 0) results[name][contestant].push({ perSecond: (count / tookMs) * 1000, cpuUs })
    }
  }
  process.stderr.write(`round ${round + 1} of ${rounds}\n`)
}

const text = report({ scenarios, results, rounds, messages })
process.stdout.write(`${text}\n`)
if (!options['dry-run']) writePart(options.out, 'events', text)
for (const worker of workers.values()) await stop(worker)
process.exit()

async function ask(name, role, order) {
  const worker = workers.get(`${name} ${role}`)
  worker.send(order)
  const [{ result, error }] = await once(worker, 'message')
  if (error !== undefined) throw new Error(`${name}: ${error}`)
  return result
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: free } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return free
}

async function untilReady() {
  let text = ''
  for await (const chunk of broker.stdout) {
    text += chunk
    if (RABBITMQ_READY.test(text)) break
  }
}
