import { expect, test } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { defaultAddressRule } from './address-range.ts'
import { createMirror, createMirrorRegistry, followView, type Mirror, snapshotOf, type ViewMessage } from './mirror.ts'
import type { ViewChange } from './registry.ts'
import { createLiveView, type LiveView } from './view.ts'

const key = (service: string, n: number): string => `goms_${service}_10.0.0.${n}:9180_10.0.0.${n}:9080`
let revision = 0n
const kv = (name: string, value: string) => {
  revision++
  return { key: name, value, createRevision: revision, modRevision: revision, version: 1n, lease: 1n }
}
const liveView = (): LiveView =>
  createLiveView({ project: 'goms', allowed: defaultAddressRule, clock: manualClock(), log: silentLog, holdMs: 1000 })
const value = (id: string, contract?: string): string => JSON.stringify({ id, protocols: ['http'], contract })

/** What travels is a copy. */
function mirrorOf(view: LiveView, sent: ViewMessage[] = []): Mirror {
  const mirror = createMirror((error) => {
    throw error
  })
  const take = (message: ViewMessage): void => {
    sent.push(message)
    mirror.take(structuredClone(message))
  }
  for (const message of snapshotOf(view)) take(message)
  followView(view, take)
  return mirror
}

const shown = (view: Mirror | LiveView): unknown =>
  view
    .services()
    .map((service) => [
      service,
      view.nodes(service),
      view.nodes(service).map((n) => n.contract && view.contract(n.contract)),
    ])

test('shows what the view shows, whatever came before and comes after', () => {
  const view = liveView()
  let seed = 7
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return Math.floor((seed / 2147483648) * below)
  }
  const mirrors: Mirror[] = []
  for (let step = 0; step < 600; step++) {
    const service = ['a', 'b', 'c'][random(3)] as string
    const node = key(service, 1 + random(5))
    const hash = `h${random(4)}`
    const what = random(10)
    if (what < 2) view.delete(node)
    else if (what < 5) view.put(kv(node, value(`id${random(100)}`, hash)))
    else if (what < 7) view.put(kv(`/goms/v1/goms/contracts/${service}/${hash}`, JSON.stringify({ name: hash })))
    else
      view.put(kv(`/goms/v1/goms/state/${node}`, JSON.stringify({ id: `id${random(100)}`, draining: random(2) === 0 })))
    if (step % 60 === 0) mirrors.push(mirrorOf(view))
    for (const mirror of mirrors) expect(shown(mirror)).toEqual(shown(view))
  }
  expect(view.services()).toEqual(['a', 'b', 'c'])
})

test('a contract is there before the node that advertises it, also for a mirror that began in between', () => {
  const view = liveView()
  view.put(kv('/goms/v1/goms/contracts/user/h1', '{"name":"user"}'))
  const mirror = mirrorOf(view)
  const seen: unknown[] = []
  mirror.subscribe(({ node }) => seen.push(mirror.contract(node.contract as string)))
  view.put(kv(key('user', 1), value('x', 'h1')))
  expect(seen).toEqual([{ name: 'user' }])
})

test('tells its listeners of a first picture and of each change, once', () => {
  const view = liveView()
  view.put(kv(key('user', 2), value('two')))
  const mirror = createMirror(() => {})
  const changes: string[] = []
  const contracts: string[] = []
  mirror.subscribe((change: ViewChange) => changes.push(`${change.type} ${change.node.id}`))
  mirror.onContract((service, hash) => contracts.push(`${service} ${hash}`))
  for (const message of snapshotOf(view)) mirror.take(message)
  const stop = followView(view, (message) => mirror.take(message))
  view.put(kv('/goms/v1/goms/contracts/user/h1', '{}'))
  view.put(kv(key('user', 1), value('one', 'h1')))
  view.delete(key('user', 2))
  stop()
  view.delete(key('user', 1))
  expect(changes).toEqual(['join two', 'join one', 'leave two'])
  expect(contracts).toEqual(['user h1'])
})

test('a listener that throws harms no other', () => {
  const failures: unknown[] = []
  const mirror = createMirror((error) => failures.push(error))
  const view = liveView()
  view.put(kv(key('user', 1), value('one')))
  const seen: string[] = []
  mirror.subscribe(() => {
    throw new Error('mine')
  })
  mirror.subscribe(({ node }) => seen.push(node.id))
  for (const message of snapshotOf(view)) mirror.take(message)
  expect(seen).toEqual(['one'])
  expect(failures).toHaveLength(1)
})

test('a worker registers nothing', async () => {
  const registry = createMirrorRegistry(
    'etcd',
    createMirror(() => {}),
  )
  await expect(registry.sharedKey()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
})
