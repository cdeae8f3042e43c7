import { afterEach, expect, test } from 'vitest'
import { familyOf, killAll, living, startProcess } from './processes.ts'

afterEach(killAll)

const node = process.execPath

test('lines are captured and waited for, before and after they are printed', async () => {
  const it = startProcess(node, ['-e', 'console.log("one"); setTimeout(() => console.error("port: 42"), 50)'])
  const { match } = await it.waitForLine(/port: (\d+)/)
  expect(match[1]).toBe('42')
  expect((await it.waitForLine(/one/)).line.from).toBe('stdout')
  expect(await it.exited).toEqual({ code: 0, signal: null })
})

test('a process that ends without the line says so with its last lines', async () => {
  const it = startProcess(node, ['-e', 'console.error("bad luck"); process.exitCode = 3'], { name: 'x' })
  await expect(it.waitForLine(/ready/)).rejects.toThrow(/x: no line \/ready\/ before its end \(exit 3\)[\s\S]*bad luck/)
})

test('all that a process started goes with it', async () => {
  const child = `require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]); console.log("up"); setInterval(() => {}, 1000)`
  const it = startProcess(node, ['-e', child])
  await it.waitForLine(/up/)
  const family = familyOf(it.pid)
  expect(family).toHaveLength(2)
  await killAll()
  await expect.poll(() => living(family)).toEqual([])
})
