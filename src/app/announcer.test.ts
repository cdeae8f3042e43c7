import { expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { NodeInfo } from '../core/node.ts'
import type { View, ViewChange } from '../registry/registry.ts'
import { announce } from './announcer.ts'

function rig() {
  const lines: string[] = []
  let tell: (change: ViewChange) => void = () => {}
  const view = {
    subscribe(listener: (change: ViewChange) => void) {
      tell = listener
      return () => {}
    },
  } as unknown as View
  const clock = manualClock()
  const log = {
    ...silentLog,
    info: (message: string, fields?: object) =>
      lines.push(`[${(fields as { service?: string })?.service ?? '-'}] ${message}`),
  }
  announce(view, log, clock, (id) => id === 'own')
  const change = (type: 'join' | 'leave', n: number | 'own'): void =>
    tell({ type, node: { id: String(n), service: 'user', name: `rpc-${n}_http-${n}` } as NodeInfo })
  return { lines, clock, change }
}

it('prints every join and leave of others, and its own never', () => {
  const { lines, change } = rig()
  change('join', 'own')
  change('join', 1)
  change('leave', 1)
  expect(lines).toEqual(['[user] node [rpc-1_http-1] join', '[user] node [rpc-1_http-1] leave'])
})

it('prints a summary instead of more than twenty lines a second', () => {
  const { lines, clock, change } = rig()
  for (let i = 0; i < 50; i++) change('join', i)
  for (let i = 0; i < 10; i++) change('leave', i)
  expect(lines).toHaveLength(20)
  clock.advance(1000)
  expect(lines.at(-1)).toBe('[-] nodes: 30 more joined, 10 more left within a second')
  change('leave', 11)
  expect(lines).toHaveLength(22)
})
