/** One window of load by wrk, and what the gateway's processes used in it. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { processTree, treeCpuUs } from '../common/cpu.mjs'
import { start } from '../common/programs.mjs'
import { ask } from './client.mjs'

const CONNECTIONS = 64
/** wrk knows whole seconds only: it is told to end. */
const LONGEST = '600s'
/** How often a window is repeated in which the gateway used no CPU time at all. */
const REPEATS = 3
/** For all connections to be open. */
const RAMP_MS = 200

/** wrk's words for a request. */
export function scriptOf({ method, headers = {}, body }, dir, name) {
  const file = join(dir, `${name}.lua`)
  const lines = [`wrk.method = "${method}"`]
  for (const [key, value] of Object.entries(headers)) lines.push(`wrk.headers["${key}"] = ${JSON.stringify(value)}`)
  if (body !== undefined) lines.push(`wrk.body = ${JSON.stringify(body)}`)
  writeFileSync(file, lines.join('\n'))
  return file
}

/**
 * CPU µs per request of the tree under `pid`, and requests per second, from the time on when all connections are there: what
 * opening them costs is not what a request costs. `answered` are all that were answered, before and after as well.
 */
export async function window({ base, path, script, pid, windowMs }) {
  for (let i = 0; i < REPEATS; i++) {
    const end = load(base + path, script)
    await sleep(RAMP_MS)
    const pids = processTree(pid)
    const before = await reading(base, pids)
    await sleep(windowMs)
    const after = await reading(base, pids)
    const answered = await end()
    const requests = after.requests - before.requests
    const cpuUs = (after.cpuUs - before.cpuUs) / requests
    if (cpuUs > 0) return { answered, cpuUs, perSecond: (requests / (after.atMs - before.atMs)) * 1000, requests }
  }
  throw new Error(`${base}${path}: ${REPEATS} windows without CPU time`)
}

/** How many requests the nodes have answered, who are asked through the gateway as all others do. */
async function reading(base, pids) {
  const { body } = await ask(base, '/api/bench/count')
  // The page of nginx, or a number.
  const [, requests] = /^(?:Active[\s\S]*\n \d+ \d+ )?(\d+)\b/.exec(body) ?? []
  if (requests === undefined) throw new Error(`${base}: expected a count of requests, got ${body}`)
  return { requests: Number(requests), cpuUs: treeCpuUs(pids), atMs: performance.now() }
}

/** Begins; the function that it returns ends it, tells how many were answered, and throws where any answer was wrong. */
function load(url, script) {
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${LONGEST}`, '--timeout', '10s', '-s', script, url]
  const child = start(1, 'wrk', args, { ends: true })
  let out = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  return async () => {
    child.kill('SIGINT')
    const [code] = await once(child, 'close')
    const [, answered] = /(\d+) requests in/.exec(out) ?? []
    if (code !== 0 || !(answered > 0) || /Non-2xx|Socket errors/.test(out))
      throw new Error(`wrk ${url}: ${code}\n${out}`)
    return Number(answered)
  }
}
