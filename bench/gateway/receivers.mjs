/** What takes the spans and the lines of gateways that are measured with them: they are counted and thrown away. */
import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { createServer } from 'node:http'
import { Socket } from 'node:net'
import { join } from 'node:path'

const SPAN = Buffer.from('{"traceId":"')
const LINE_FEED = 10

/**
 * Takes spans as Zipkin does, at `/<name of the gateway>`. A batch counts if it is a whole list of JSON; how many spans it
 * has is seen by how often they begin, which is all that can be done while load is measured.
 */
export function startSpanReceiver(port) {
  const counts = new Map()
  const server = createServer((req, res) => {
    const name = req.url.slice(1)
    const chunks = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => {
      const batch = Buffer.concat(chunks)
      // The first is read in earnest.
      const spans = counts.has(name) ? occurrences(batch, SPAN) : JSON.parse(batch.toString()).length
      counts.set(name, (counts.get(name) ?? 0) + spans)
      res.writeHead(202).end()
    })
  })
  server.keepAliveTimeout = 0
  server.listen(port, '127.0.0.1')
  return { countOf: (name) => counts.get(name) ?? 0 }
}

function occurrences(bytes, what) {
  let count = 0
  for (let at = bytes.indexOf(what); at >= 0; at = bytes.indexOf(what, at + what.length)) count++
  return count
}

/** A pipe for standard error, which this process reads: `fd` is the end for the program, closed here by `given`. */
export function openPipe(dir, name) {
  const path = join(dir, `${name}.pipe`)
  const { status } = spawnSync('mkfifo', [path])
  if (status !== 0) throw new Error(`mkfifo ${path}: ${status}`)
  const reader = new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK) })
  const fd = openSync(path, constants.O_WRONLY)
  let lines = 0
  reader.on('data', (chunk) => {
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) lines++
  })
  return { fd, given: () => closeSync(fd), lines: () => lines }
}
