import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { type LogFile, openLogFile } from './log-file.ts'

let dir = ''
const opened: LogFile[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'goms-log-'))
})
afterEach(async () => {
  for (const { outlet } of opened.splice(0)) await outlet.close()
  rmSync(dir, { recursive: true, force: true })
})

function open(...args: Parameters<typeof openLogFile>): LogFile {
  const file = openLogFile(...args)
  opened.push(file)
  return file
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const line = `${'x'.repeat(1023)}\n`
const logs = (): string[] =>
  readdirSync(dir)
    .filter((name) => name.includes('.log'))
    .sort()
const read = (name: string): string => readFileSync(join(dir, name), 'utf8')

async function written({ outlet }: LogFile): Promise<void> {
  while (outlet.waitingBytes > 0) await turn()
}

async function fill(file: LogFile, kib: number): Promise<void> {
  for (let i = 0; i < kib; i++) {
    file.outlet.write(line)
    // A disk that is slower than we are: its turn.
    while (file.outlet.waitingBytes > 512 * 1024) await turn()
  }
  await written(file)
}

describe('a log file', () => {
  it('is turned over at its size, keeps five, and always holds whole lines', async () => {
    const file = open(dir, 'user', { maxBytes: 1024 * 1024 })
    await fill(file, 7 * 1024)
    expect(logs()).toEqual(['user.log', 'user.log.1', 'user.log.2', 'user.log.3', 'user.log.4'])
    for (const name of logs()) {
      expect(statSync(join(dir, name)).size).toBeLessThanOrEqual(1024 * 1024)
      expect(read(name).endsWith('\n')).toBe(true)
    }
    expect(file.outlet.dropped).toBe(0)
  })

  it('never grows past its bound, however much comes at once', async () => {
    const file = open(dir, 'user', { maxBytes: 256 * 1024 })
    for (let i = 0; i < 1000; i++) file.outlet.write(line)
    await written(file)
    for (const name of logs()) expect(statSync(join(dir, name)).size).toBeLessThanOrEqual(256 * 1024)
  })

  it('begins anew where it cannot be put aside', async () => {
    for (const n of [1, 2, 3, 4]) mkdirSync(join(dir, `user.log.${n}`, 'taken'), { recursive: true })
    const lost: number[] = []
    const file = open(dir, 'user', { maxBytes: 128 * 1024, lost: (bytes) => void lost.push(bytes) })
    await fill(file, 200)
    expect(statSync(join(dir, 'user.log')).size).toBeLessThanOrEqual(128 * 1024)
    expect(read('user.log').endsWith(line)).toBe(true)
    // Whoever looks for them is told that they were there.
    expect(lost.reduce((sum, bytes) => sum + bytes, 0) + read('user.log').length).toBe(200 * line.length)
  })

  it('is made again where somebody removed it, and directory and all where it could not be for a while', async () => {
    const clock = manualClock()
    const file = open(dir, 'user', { clock })
    file.outlet.write('a\n')
    await written(file)
    unlinkSync(join(dir, 'user.log'))
    clock.advance(1000)
    file.outlet.write('b\n')
    await written(file)
    expect(read('user.log')).toBe('b\n')

    unlinkSync(join(dir, 'user.log'))
    mkdirSync(join(dir, 'user.log'))
    clock.advance(1000)
    file.outlet.write('c\n')
    await turn()
    rmSync(join(dir, 'user.log'), { recursive: true })
    while (file.outlet.waitingBytes > 0) {
      clock.advance(500)
      await turn()
    }
    expect(read('user.log')).toBe('c\n')
  })

  it('makes its directory and its claim again where somebody removed them', async () => {
    const clock = manualClock()
    const file = open(dir, 'user', { clock })
    file.outlet.write('a\n')
    await written(file)
    rmSync(dir, { recursive: true })
    clock.advance(1000)
    file.outlet.write('b\n')
    while (file.outlet.waitingBytes > 0) {
      clock.advance(500)
      await turn()
    }
    expect(read('user.log')).toBe('b\n')
    expect(open(dir, 'user').name).toBe('user-2.log')
  })

  it('that cannot be written is a mistake at the start, not a bug', () => {
    writeFileSync(join(dir, 'file'), '')
    mkdirSync(join(dir, 'user.log'))
    const refusal = expect.objectContaining({
      code: 'GOMS_CONFIG_INVALID',
      detail: expect.objectContaining({ fix: expect.stringContaining('-runtime') }),
    })
    expect(() => openLogFile(join(dir, 'file'), 'user')).toThrow(refusal)
    expect(() => openLogFile(join(dir, 'file', 'below'), 'user')).toThrow(refusal)
    expect(() => openLogFile(dir, 'user')).toThrow(refusal)
    expect(existsSync(join(dir, 'user.lock'))).toBe(false)
  })
})

describe('the name of a log file', () => {
  it('is that of one process at a time', async () => {
    expect(open(dir, 'user').name).toBe('user.log')
    expect(open(dir, 'user').name).toBe('user-2.log')
    await opened[0]?.outlet.close()
    expect(open(dir, 'user').name).toBe('user.log')
  })

  it('of a process that runs is left to it, and that of one that has ended is taken', () => {
    writeFileSync(join(dir, 'user.lock'), `${process.ppid} ${hostname()}\n`)
    expect(open(dir, 'user').name).toBe('user-2.log')
    // 2^22 is the greatest process id that Linux gives.
    writeFileSync(join(dir, 'order.lock'), `4194305 ${hostname()}\n`)
    expect(open(dir, 'order').name).toBe('order.log')
  })

  it('of a process elsewhere is left to it while it renews its claim', () => {
    writeFileSync(join(dir, 'user.lock'), '1 elsewhere\n')
    expect(open(dir, 'user').name).toBe('user-2.log')
  })
})
