import { expect, test } from 'vitest'
import type { Log } from '../core/log.ts'
import { log, setUserLog } from './user-log.ts'

test('lines from before anything is served wait for its log, and are in its format', () => {
  const lines: unknown[] = []
  const take =
    (level: string): Log['info'] =>
    (message, fields) =>
      void lines.push([level, message, fields])
  const kept: Log = { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') }
  log.info('connecting', { to: 'db' })
  log.warn('slow')
  expect(lines).toEqual([])
  setUserLog(() => kept)
  log.error('later')
  expect(lines).toEqual([
    ['info', 'connecting', { to: 'db' }],
    ['warn', 'slow', {}],
    ['error', 'later', {}],
  ])
  setUserLog(undefined)
})
