import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { createLog, toHumanLine } from './log.ts'
import { openLogFile } from './log-file.ts'

describe('a human line', () => {
  it("is the original's", () => {
    const at = new Date(2021, 7, 10, 11, 8, 1).getTime()
    expect(toHumanLine(at, 'info', 'gateway', 'Http Listen on port: 8080')).toBe(
      '2021/08/10 11:08:01 [gateway] Http Listen on port: 8080\n',
    )
    expect(toHumanLine(at, 'warn', 'gateway', 'etcd is away')).toBe(
      '2021/08/10 11:08:01 [gateway] warn: etcd is away\n',
    )
  })

  it('cannot be forged by what it tells of', () => {
    const line = toHumanLine(0, 'info', 'user', 'path /a\n2021/08/10 [gateway] node [x] join\r\u001b[31m')
    expect(line.split('\n')).toHaveLength(2)
    expect(line).toContain('/a\\u000a2021')
    expect(line).not.toContain('\u001b')
  })
})

describe('a log', () => {
  const lines: string[] = []
  const write = (line: string): void => {
    lines.push(line)
  }
  afterEach(() => lines.splice(0))

  it('prints a join under the name of the service that joined', () => {
    const log = createLog({ service: 'gateway', format: 'human', debug: false, clock: manualClock(), write })
    log.info('node [a_b] join', { service: 'user' })
    expect(lines[0]).toMatch(/ \[user\] node \[a_b\] join\n$/)
  })

  it('is JSON when asked, one object a line, with the fields', () => {
    const log = createLog({ service: 'user', format: 'json', debug: true, clock: manualClock(), write })
    log.debug('two\nlines', { traceId: 'abc' })
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'debug',
      service: 'user',
      msg: 'two\nlines',
      traceId: 'abc',
    })
    expect(lines[0]?.trimEnd()).not.toContain('\n')
  })

  it('leaves debug lines out unless asked', () => {
    createLog({ service: 'user', format: 'human', debug: false, clock: manualClock(), write }).debug('x')
    expect(lines).toEqual([])
  })
})

describe('a log file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'goms-log-'))
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  it('is turned over at its size, keeps five, and always holds whole lines', async () => {
    const file = openLogFile(dir, 'user')
    const line = `${'x'.repeat(1023)}\n`
    for (let kib = 0; kib < 62 * 1024; ) {
      const { dropped } = file
      file.write(line)
      if (file.dropped === dropped) kib++
      // A disk that is slower than we are: its turn.
      else await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await file.close()
    const names = readdirSync(dir).sort()
    expect(names).toEqual(['user.log', 'user.log.1', 'user.log.2', 'user.log.3', 'user.log.4'])
    for (const name of names) {
      const text = readFileSync(join(dir, name), 'utf8')
      expect(text.length).toBeLessThanOrEqual(10 * 1024 * 1024)
      expect(text === '' || text.endsWith('\n')).toBe(true)
    }
  })

  it('that cannot be written is a mistake at the start, not a bug', () => {
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'file'), '')
    mkdirSync(join(dir, 'user.log'))
    const refusal = expect.objectContaining({
      code: 'GOMS_CONFIG_INVALID',
      detail: expect.objectContaining({ fix: expect.stringContaining('-runtime') }),
    })
    expect(() => openLogFile(join(dir, 'file'), 'user')).toThrow(refusal)
    expect(() => openLogFile(join(dir, 'file', 'below'), 'user')).toThrow(refusal)
    expect(() => openLogFile(dir, 'user')).toThrow(refusal)
  })
})
