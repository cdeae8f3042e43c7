/** Starts and ends the gateways that are compared. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { start, stop } from '../common/programs.mjs'
import { ask } from './client.mjs'
import { CONTESTANTS } from './contestants.mjs'
import { openPipe } from './receivers.mjs'

const WORKER = join(import.meta.dirname, 'worker.mjs')
const READY_MS = 20_000

/**
 * Starts that gateway on CPU 0, and what it needs beside it on CPU 1; resolves once it answers.
 * @param place what all of them are told: ports, directory, project
 * @param nodeArgs further arguments of Node
 */
export async function startGateway(name, port, place, nodeArgs = []) {
  const { load, tls, options } = CONTESTANTS[name]
  const { command, serveNode } = await load()
  const given = { ...place, port }
  const beside = []
  let main
  let lines
  if (command) {
    const [program, ...args] = command(given)
    main = start(0, program, args)
  } else {
    const args = [WORKER, name, JSON.stringify(given)]
    if (serveNode) beside.push(start(1, process.execPath, [...args, 'node'], { ipc: true }))
    const pipe = options?.sees?.accessLog ? openPipe(place.dir, name) : undefined
    main = start(0, process.execPath, [...nodeArgs, ...args], { ipc: true, stderr: pipe?.fd })
    pipe?.given()
    lines = pipe?.lines
  }
  const gateway = { name, base: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, pid: main.pid, lines }
  await ready(gateway)
  return { ...gateway, stop: () => Promise.all([main, ...beside].map(stop)) }
}

async function ready({ name, base }) {
  const endMs = performance.now() + READY_MS
  for (;;) {
    const answer = await ask(base, '/api/bench/small').catch((error) => error)
    if (answer.status === 200) return
    if (performance.now() > endMs) throw new Error(`${name} does not answer: ${answer.message ?? answer.status}`)
    await sleep(50)
  }
}
