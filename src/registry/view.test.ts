import { describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { defaultAddressRule } from './address-range.ts'
import type { KeyValue } from './kv.ts'
import { createLiveView } from './view.ts'

const A = 'goms_user_10.0.0.1:1_10.0.0.1:2'
const B = 'goms_user_10.0.0.2:1_10.0.0.2:2'

function kvOf(key: string, value: string, modRevision = 1n): KeyValue {
  return { key, value, modRevision, createRevision: modRevision, version: 1n, lease: 0n }
}

function viewWithChanges() {
  const clock = manualClock()
  const view = createLiveView({ project: 'goms', allowed: defaultAddressRule, clock, log: silentLog, holdMs: 3000 })
  const changes: string[] = []
  view.subscribe((change) => {
    const certain = change.type === 'leave' && change.certain === false ? ' (uncertain)' : ''
    changes.push(`${change.type} ${change.node.id}${certain}`)
  })
  return { clock, view, changes }
}

describe('the live view', () => {
  it('replaces its arrays and never changes them', () => {
    const { view } = viewWithChanges()
    view.put(kvOf(B, '{"id":"b"}'))
    const before = view.nodes('user')
    view.put(kvOf(A, '{"id":"a"}'))
    expect(before.map((node) => node.id)).toEqual(['b'])
    expect(view.nodes('user').map((node) => node.id)).toEqual(['a', 'b'])
  })

  it('has each change in the view before it tells', () => {
    const { view } = viewWithChanges()
    const counts: number[] = []
    view.subscribe(() => counts.push(view.nodes('user').length))
    view.put(kvOf(A, '{"id":"a"}'))
    view.delete(A)
    expect(counts).toEqual([1, 0])
  })

  it('says nothing of a node that is put again as it was', () => {
    const { view, changes } = viewWithChanges()
    view.put(kvOf(A, '{"id":"a"}', 1n))
    view.put(kvOf(A, '{"id":"a"}', 5n))
    expect(changes).toEqual(['join a'])
  })

  it('applies a state to the start that it was written for, whichever arrives first', () => {
    const { view, changes } = viewWithChanges()
    view.put(kvOf(`/goms/v1/goms/state/${A}`, '{"id":"old","draining":true}'))
    view.put(kvOf(A, '{"id":"new"}'))
    expect(view.nodes('user')[0]?.draining).toBe(false)
    view.put(kvOf(`/goms/v1/goms/state/${A}`, '{"id":"new","draining":true,"weight":0}'))
    expect(view.nodes('user')[0]).toMatchObject({ draining: true, weight: 0 })
    view.delete(`/goms/v1/goms/state/${A}`)
    expect(view.nodes('user')[0]).toMatchObject({ draining: false, weight: 1 })
    expect(changes).toEqual(['join new', 'update new', 'update new'])
  })

  it('takes out what a listing lacks, but not what is newer than the listing', () => {
    const { view, changes } = viewWithChanges()
    view.put(kvOf(A, '{"id":"a"}', 3n))
    view.put(kvOf(B, '{"id":"b"}', 9n))
    view.replace([], 5n, false)
    expect(changes).toEqual(['join a', 'join b', 'leave a'])
  })

  it('does not go back to an older value of a listing that comes late', () => {
    const { view } = viewWithChanges()
    view.put(kvOf(A, '{"id":"new"}', 9n))
    view.replace([kvOf(A, '{"id":"old"}', 3n)], 5n, false)
    expect(view.nodes('user')[0]?.id).toBe('new')
  })

  it('holds nodes that vanished with the history, silently, until they are back or their time is over', () => {
    const { clock, view, changes } = viewWithChanges()
    view.put(kvOf(A, '{"id":"a"}', 50n))
    view.put(kvOf(B, '{"id":"b"}', 51n))
    changes.length = 0
    view.replace([], 2n, true)
    expect(view.nodes('user')).toHaveLength(2)
    clock.advance(1000)
    view.put(kvOf(A, '{"id":"a"}', 3n))
    // Listings meanwhile do not end the hold.
    view.replace([kvOf(A, '{"id":"a"}', 3n)], 4n, false)
    clock.advance(1900)
    expect(changes).toEqual([])
    clock.advance(200)
    expect(changes).toEqual(['leave b (uncertain)'])
    view.delete(A)
    expect(changes).toEqual(['leave b (uncertain)', 'leave a'])
  })

  it('keeps who vanishes while it doubts the registry, but not who said that it leaves', () => {
    const { clock, view, changes } = viewWithChanges()
    view.put(kvOf(A, '{"id":"a"}', 1n))
    view.put(kvOf(B, '{"id":"b"}', 2n))
    changes.length = 0
    view.doubt(2000)
    view.delete(A)
    view.replace([], 9n, false)
    expect(changes).toEqual([])
    view.put(kvOf(A, '{"id":"a"}', 10n))
    view.put(kvOf(`/goms/v1/goms/state/${B}`, '{"id":"b","draining":true}', 11n))
    expect(changes).toEqual(['update b', 'leave b'])
    view.delete(A)
    clock.advance(1990)
    expect(view.nodes('user').map((node) => node.id)).toEqual(['a'])
    clock.advance(20)
    expect(changes).toEqual(['update b', 'leave b', 'leave a (uncertain)'])
  })

  it('knows a node without an id again when the history is new', () => {
    const { view, changes } = viewWithChanges()
    view.put(kvOf(A, '0', 50n))
    view.replace([kvOf(A, '0', 2n)], 2n, true)
    expect(changes).toHaveLength(1)
    expect(view.nodes('user')[0]?.id).toContain('@50')
  })

  it('goes on when a listener throws', () => {
    const { view, changes } = viewWithChanges()
    view.subscribe(() => {
      throw new Error('mine')
    })
    view.put(kvOf(A, '{"id":"a"}'))
    view.delete(A)
    expect(changes).toEqual(['join a', 'leave a'])
  })

  it('lets a node go whose value is damaged, and counts each write once', () => {
    const { view, changes } = viewWithChanges()
    view.put(kvOf(A, '{"id":"a"}', 1n))
    view.replace([kvOf(A, '{', 2n)], 2n, false)
    view.replace([kvOf(A, '{', 2n)], 3n, false)
    expect(changes).toEqual(['join a', 'leave a'])
    expect(view.skipped).toBe(1)
    view.replace([kvOf(A, '{"id":"a"}', 4n)], 4n, false)
    expect(changes).toEqual(['join a', 'leave a', 'join a'])
  })
})
