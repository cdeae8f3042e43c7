import { describe, expect, it } from 'vitest'
import { toError } from '../config/mistake.ts'
import { layShared, type SharedSet } from '../config/shared-set.ts'
import { emptyTree } from '../config/tree.ts'
import { contract, toDocument } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import type { NodeInfo } from '../core/node.ts'
import { checkRoutes } from './check-routes.ts'

const User = contract('user', { rpc: { exists: rpc({ expose: 'GET' }), purge: rpc() }, http: { login: 'POST /login' } })
const Later = contract('user', { rpc: { purge: rpc({ expose: 'POST' }) }, http: { login: 'POST /login' } })
const Order = contract('order', { rpc: { submit: rpc() } })

const DOCUMENTS: Readonly<Record<string, unknown>> = {
  user: toDocument(User),
  later: toDocument(Later),
  order: toDocument(Order),
}

/** What is wrong, and what is doubtful, where these are the contracts of the nodes; `-` has none. */
function check(services: SharedSet['services'], live: Readonly<Record<string, readonly string[]>>) {
  const part = emptyTree()
  layShared(part, { set: { services }, name: 'routes number 1' })
  const { mistakes, doubts } = checkRoutes(part, {
    services: () => Object.keys(live),
    nodes: (service) =>
      (live[service] ?? []).map((hash) => ({ contract: hash === '-' ? undefined : hash }) as unknown as NodeInfo),
    contract: (hash) => DOCUMENTS[hash],
  })
  return { mistakes: mistakes.map(({ message }) => message), doubts: doubts.map(({ message }) => message) }
}

const NONE = { mistakes: [], doubts: [] }

describe('routes that are going to be shared', () => {
  const live = { user: ['user', 'user'], order: ['order'], go: ['-'], gone: [] }

  it('that live nodes serve are good', () => {
    const routes = { user: { login: '/login', exists: { type: 'rpc', timeout: 5 } }, order: { anything: '/at/all' } }
    expect(check(routes, live)).toEqual(NONE)
  })

  it('of nodes that say nothing of themselves are good', () => {
    expect(check({ go: { anything: '/x', method: { type: 'rpc' } } }, live)).toEqual(NONE)
    expect(check({ user: { nothing: { type: 'rpc' } } }, { user: ['user', '-'] })).toEqual(NONE)
    expect(check({ user: { nothing: '/x' } }, { user: ['unread'] })).toEqual(NONE)
  })

  it('cannot open a method that no live contract exposes', () => {
    const mistakes = ['user/purge is `type: rpc`, and the contract of user does not expose the method']
    expect(check({ user: { purge: { type: 'rpc' } } }, live)).toEqual({ mistakes, doubts: [] })
    expect(check({ user: { purge: { type: 'in' } } }, live)).toEqual({ mistakes, doubts: [] })
    expect(check({ user: { purge: { type: 'rpc' } } }, { user: ['user', 'later'] })).toEqual(NONE)
    // How services call it is another matter.
    expect(check({ user: { purge: { timeout: 100 } } }, live)).toEqual(NONE)
  })

  it('that nobody serves now are doubtful', () => {
    expect(check({ usr: { login: '/x' }, gone: { x: '/x' } }, live).doubts).toEqual([
      'no live node serves usr',
      'no live node serves gone',
    ])
    expect(check({ user: { logn: '/x', exits: {} }, order: { other: { type: 'rpc' } } }, live).doubts).toEqual([
      'no live node of user tells of logn',
      'no live node of user tells of exits',
      'no live node of order tells of other',
    ])
  })

  it('say what was probably meant', () => {
    const part = emptyTree()
    layShared(part, { set: { services: { usr: { login: '/x' } } }, name: 'routes number 1' })
    const view = { services: () => ['user'], nodes: () => [], contract: () => undefined }
    const nodes = (service: string) => (service === 'user' ? [{ contract: undefined } as unknown as NodeInfo] : [])
    const [doubt] = checkRoutes(part, { ...view, nodes }).doubts
    expect(doubt?.label).toBe('did you mean "user"?')
    expect(toError(doubt ? [doubt] : []).detail).toMatchObject({
      frame: '  --> routes number 1',
      fix: ['services: user'],
    })
  })
})
