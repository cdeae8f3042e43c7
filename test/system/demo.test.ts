/** `npm start`: one command from a checkout to something that answers, and nothing left when it goes. */
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { familyOf, freePort, killAll, living, type Running, startProcess } from '../support/processes.ts'
import { SLACK } from '../support/timing.ts'

const root = join(import.meta.dirname, '..', '..')
let family: number[] = []
afterEach(async () => {
  await killAll()
  // What the demo left behind, so that one failure does not become many.
  for (const pid of living(family)) process.kill(pid, 'SIGKILL')
})

async function startDemo(): Promise<{ readonly demo: Running; readonly command: string; readonly readyMs: number }> {
  const env = { GOMS_EMBEDDED_PORT: String(await freePort(4)) }
  const began = performance.now()
  const demo = startProcess(process.execPath, [join(root, 'scripts', 'start.mjs')], { name: 'npm start', env })
  const { match } = await demo.waitForLine(/curl\s.*$/, 15_000)
  family = familyOf(demo.pid)
  return { demo, command: match[0], readyMs: performance.now() - began }
}

test('the demo is ready in time, what it prints can be pasted, and Ctrl-C leaves nothing running', async () => {
  const { demo, command, readyMs } = await startDemo()
  // A gateway, three users, two orders, a mail.
  expect(family.length).toBeGreaterThanOrEqual(7)
  const pasted = startProcess('sh', ['-c', command], { name: 'pasted' })
  expect((await pasted.exited).code, pasted.text()).toBe(0)
  expect(JSON.parse(pasted.text('stdout')), pasted.text()).toMatchObject({ status: true })
  expect(readyMs, demo.text()).toBeLessThanOrEqual(2500 * SLACK)

  // A terminal sends Ctrl-C to the whole group.
  demo.signal('SIGINT', true)
  expect(await demo.exited, demo.text()).toEqual({ code: 0, signal: null })
  expect(living(family)).toEqual([])
  expect(demo.text()).not.toMatch(/\n\s+at .*:\d+:\d+/)
})

test('a demo that is killed takes its nodes along', async () => {
  const { demo } = await startDemo()
  demo.signal('SIGKILL')
  await expect.poll(() => living(family), { timeout: 3000 }).toEqual([])
})
