/** `npm start`: one command from a checkout to something that answers, and nothing left after Ctrl-C. */
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { freePort, killAll, livingInGroup, startProcess } from '../support/processes.ts'

const root = join(import.meta.dirname, '..', '..')
afterEach(killAll)

test('the demo is ready in time, what it prints can be pasted, and Ctrl-C leaves nothing running', async () => {
  const env = { GOMS_EMBEDDED_PORT: String(await freePort(4)), GOMS_HTTP_PORT: String(await freePort()) }
  const began = performance.now()
  const demo = startProcess(process.execPath, [join(root, 'scripts', 'start.mjs')], { name: 'npm start', env })
  const { match } = await demo.waitForLine(/curl\s+(.*)$/, 15_000)
  const readyMs = performance.now() - began
  const curl = startProcess('sh', ['-c', `curl -sS --max-time 5 ${match[1]}`], { name: 'curl' })
  expect((await curl.exited).code, curl.text()).toBe(0)
  expect(JSON.parse(curl.text('stdout')), curl.text()).toMatchObject({ status: true })
  expect(readyMs).toBeLessThanOrEqual(5000)

  // A terminal sends Ctrl-C to the whole group.
  demo.signal('SIGINT', true)
  const { code, signal } = await demo.exited
  expect({ code, signal }, demo.text()).toEqual({ code: 130, signal: null })
  await expect.poll(() => livingInGroup(demo.pid)).toEqual([])
})
