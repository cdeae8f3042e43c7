/** Programs that a benchmark starts: pinned to one CPU, each in a process group of its own that ends with the command. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { pathOf } from '../../scripts/commands.mjs'

const running = new Set()
let ending = false

/** Refuses to begin where a program is not there. `wanted`: command → Debian package. */
export function requirePrograms(wanted) {
  const missing = Object.keys(wanted).filter((command) => pathOf(command) === undefined)
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((command) => wanted[command]))]
  fail(`${missing.join(', ')} not found; on Debian: apt-get install ${packages.join(' ')}`)
}

/** Refuses to begin where somebody listens already: the answers would be his. */
export async function requireFreePorts(ports) {
  for (const port of ports) {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening').catch((error) => {
      fail(`port ${port} cannot be used (${error.code}); choose others with --port`)
    })
    await new Promise((resolve) => server.close(resolve))
  }
}

/**
 * Starts a program on that CPU. It is a fault if it ends before `stop`, unless it is one that `ends`.
 * @param options `ipc`: with a channel; `ends`: its output is read, and its end is waited for by the caller; `stderr`: a
 *   descriptor for its standard error
 */
export function start(cpu, command, args, { ipc, ends, stderr = 'inherit' } = {}) {
  const child = spawn('taskset', ['-c', String(cpu), command, ...args], {
    stdio: ['ignore', ends ? 'pipe' : 'ignore', stderr, ...(ipc ? ['ipc'] : [])],
    detached: true,
    env: { ...process.env, NODE_ENV: 'production' },
  })
  running.add(child)
  child.once('error', (error) => fail(`${command}: ${error.message}`))
  child.once('exit', (code, signal) => {
    if (running.delete(child) && !ends) fail(`${[command, ...args].join(' ')} ended (${code ?? signal})`)
  })
  return child
}

function fail(why) {
  if (ending) return
  process.stderr.write(`bench: ${why}\n`)
  process.exit(1)
}

/** Ends it and all that it started; one with a channel may write its profile first. */
export async function stop(child) {
  running.delete(child)
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  if (child.connected) {
    child.disconnect()
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 2000).unref())])
  }
  killGroup(child)
  await ended
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Gone already.
  }
}

process.on('exit', () => {
  ending = true
  for (const child of running) killGroup(child)
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130))
