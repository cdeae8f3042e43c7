/** What a gateway's memory grows by: for connections that wait, and for bodies that are larger than it should hold. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { processTree, treeRssKiB } from '../common/cpu.mjs'
import { ask, open } from './client.mjs'
import { CLAIMS, CONTESTANTS } from './contestants.mjs'
import { pattern } from './pattern.mjs'

const IDLE = 9000
/** They come before, so that what grows once is not counted for each. */
const FIRST = 500
/** Connections that are being opened at once. */
const OPENING = 64
const SAMPLE_MS = 20
const MIB = 2 ** 20
const PAUSE_MS = 1500
/** Requests of each kind before anything is counted: what is compiled once is no growth. */
const WARM = 2000

/**
 * Each of them alone, in a process of its own that has had no load: a heap that has grown already shows nothing.
 * @param begin starts a gateway by its name
 */
export async function measureMemory(names, begin, say) {
  const results = {}
  for (const name of names) {
    const { only, claims = CLAIMS } = CONTESTANTS[name]
    // Variations of goms hold what goms holds.
    if (only) continue
    const { base, pid, stop } = await begin(name)
    await openIdle(base, WARM, [], (socket) => socket.destroy())
    const result = { idleKiB: await idleKiB(base, pid) }
    if (claims.includes('uploads')) {
      result.uploadMiB = await uploadMiB(base, pid, 200 * MIB)
      result.slowUploadMiB = await uploadMiB(base, pid, 1024 * MIB, PAUSE_MS)
    }
    if (claims.includes('slow reader')) result.slowDownloadMiB = await downloadMiB(base, pid, 1024 * MIB, PAUSE_MS)
    await stop()
    results[name] = result
    say(`${name}: memory is measured`)
  }
  return results
}

/** KiB per connection that has had its answer and waits. */
async function idleKiB(base, pid) {
  const sockets = []
  await openIdle(base, FIRST, sockets)
  await sleep(200)
  const pids = processTree(pid)
  const before = treeRssKiB(pids)
  await openIdle(base, IDLE, sockets)
  await sleep(200)
  const grown = treeRssKiB(pids) - before
  const closed = sockets.filter((socket) => socket.destroyed).length
  for (const socket of sockets) socket.destroy()
  if (closed > 0) throw new Error(`${base}: ${closed} idle connections were closed`)
  return grown / IDLE
}

async function openIdle(base, count, sockets, then = (socket) => socket.resume()) {
  const { port, hostname } = new URL(base)
  let left = count
  const lane = async () => {
    while (left-- > 0) {
      const socket = connect(Number(port), hostname)
      sockets.push(socket)
      socket.write('GET /api/bench/small HTTP/1.1\r\nHost: bench\r\n\r\n')
      await once(socket, 'data')
      then(socket)
    }
  }
  await Promise.all(Array.from({ length: OPENING }, lane))
}

/** By how many MiB it grows at most while `run` is under way. */
async function growthMiB(pid, run) {
  const pids = processTree(pid)
  const before = treeRssKiB(pids)
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, treeRssKiB(pids))
  }, SAMPLE_MS)
  try {
    await run()
  } finally {
    clearInterval(timer)
  }
  return Math.max(0, most - before) / 1024
}

/** An upload of so many bytes to a node that stands still for `pauseMs` after the first 16 MiB. */
const uploadMiB = (base, pid, bytes, pauseMs = 0) =>
  growthMiB(pid, async () => {
    const answer = await ask(base, `/api/bench/sink?pauseMs=${pauseMs}`, {
      method: 'POST',
      body: pattern(bytes),
      length: bytes,
    })
    if (String(answer.body) !== String(bytes)) throw new Error(`${base}: ${answer.body} bytes arrived of ${bytes}`)
  })

/** A download of so many bytes by a client that stands still for `pauseMs` after the first 16 MiB. */
const downloadMiB = (base, pid, bytes, pauseMs) =>
  growthMiB(pid, async () => {
    const [res] = await once(open(base, `/api/bench/source?bytes=${bytes}`), 'response')
    let got = 0
    let paused = false
    for await (const chunk of res) {
      got += chunk.length
      if (paused || got < 16 * MIB) continue
      paused = true
      await sleep(pauseMs)
    }
    if (got !== bytes) throw new Error(`${base}: ${got} bytes arrived of ${bytes}`)
  })
