/** The log of a real process whose reader stopped, or whose disk is full: calls go on, memory stays bounded, and it ends in time. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'

const log = new URL('../../dist/app/log.js', import.meta.url).href
const clock = new URL('../../dist/core/clock.js', import.meta.url).href

/** Writes 64 MiB of lines, tells on standard output how late its loop was, and ends by itself. */
const PROGRAM = `
  const { createLog } = await import('${log}')
  const { systemClock } = await import('${clock}')
  const log = createLog({ service: 'x', format: 'human', debug: false, clock: systemClock })
  let latest = 0, last = performance.now()
  const line = 'y'.repeat(1000)
  for (let i = 0; i < 64; i++) {
    for (let n = 0; n < 1024; n++) log.info(line)
    await new Promise((resolve) => setImmediate(resolve))
    latest = Math.max(latest, performance.now() - last)
    last = performance.now()
  }
  process.stdout.write(JSON.stringify({ latest, rss: process.memoryUsage().rss }) + '\\n')
  process.stdin.once('data', () => {
    log.info('the last line')
    process.exit(7)
  })
`

async function run(stderr: number | 'pipe', resume: boolean): Promise<{ code: unknown; rss: number; text: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], { stdio: ['pipe', 'pipe', stderr] })
  try {
    let text = ''
    const [first] = await once(child.stdout as NonNullable<typeof child.stdout>, 'data')
    if (resume) {
      child.stderr?.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      while (!text.includes('dropped')) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const ended = once(child, 'exit')
    child.stdin?.write('go')
    const [code] = await ended
    if (resume && child.stderr?.readableEnded === false) await once(child.stderr, 'end')
    return { code, rss: JSON.parse(String(first)).rss, text }
  } finally {
    child.kill('SIGKILL')
  }
}

test('a reader that never reads holds up neither the process nor its end', async () => {
  const { code, rss } = await run('pipe', false)
  expect(code).toBe(7)
  expect(rss).toBeLessThan(256 * 1024 * 1024)
})

test('a reader that goes on gets whole lines, is told what was dropped, and has the last line of all', async () => {
  const { code, text } = await run('pipe', true)
  expect(code).toBe(7)
  const lines = text.trimEnd().split('\n')
  for (const line of lines)
    expect(line).toMatch(
      /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[x\] (y{1000}|warn: \d+ lines of the log dropped.*|the last line)$/,
    )
  expect(lines.at(-1)).toContain('the last line')
  const dropped = lines.reduce((sum, line) => sum + Number(/warn: (\d+) lines/.exec(line)?.[1] ?? 0), 0)
  expect(lines.filter((line) => line.endsWith('yy')).length + dropped).toBe(64 * 1024)
})

test.skipIf(!existsSync('/dev/full'))('a full disk ends nothing', async () => {
  const full = openSync('/dev/full', 'w')
  try {
    const { code, rss } = await run(full, false)
    expect(code).toBe(7)
    expect(rss).toBeLessThan(256 * 1024 * 1024)
  } finally {
    closeSync(full)
  }
})
