import { describe, expect, it } from 'vitest'
import type { NodeInfo } from '../core/node.ts'
import { nodeOf, targetOf } from './call.ts'
import { ageOf } from './nodes.ts'
import { serviceOf } from './services.ts'

function nodeAt(port: number, more: Partial<NodeInfo> = {}): NodeInfo {
  const name = `127.0.0.1:${port + 1}_127.0.0.1:${port}`
  return {
    ...{ key: `goms_user_${name}`, service: 'user', name, id: `abcd${port}-0000`, dialect: 'goms' },
    ...{ protocols: ['http', 'rpc'], rpc: { host: '127.0.0.1', port: port + 1 }, http: { host: '127.0.0.1', port } },
    ...{ version: undefined, zone: undefined, startedAtMs: 1, contract: undefined, weight: 1 },
    ...{ draining: false, admin: undefined },
    ...more,
  }
}

function viewOf(nodes: readonly NodeInfo[], contracts: Readonly<Record<string, unknown>> = {}) {
  return {
    services: () => [...new Set([...nodes.map((node) => node.service), 'gone'])].sort(),
    nodes: (service: string) => nodes.filter((node) => node.service === service),
    contract: (hash: string) => contracts[hash],
  }
}

const documents = {
  h1: {
    service: 'user',
    http: { login: { path: '/login', methods: ['POST'] } },
    rpc: { exists: { idempotent: true } },
    events: ['loggedIn'],
  },
  h2: { service: 'user', http: {}, rpc: { exists: { expose: 'POST' }, rename: {} } },
}

describe('what is called', () => {
  const silent = nodeAt(1)
  const told = [nodeAt(1, { contract: 'h1' }), nodeAt(3, { contract: 'h2' })]

  it('is a method that some node offers', () => {
    expect(targetOf(viewOf(told, documents), 'user.rename')).toEqual({ service: 'user', method: 'rename' })
    expect(targetOf(viewOf(told, documents), 'user/exists')).toEqual({ service: 'user', method: 'exists' })
  })

  it('is a service of the longest name that fits', () => {
    const view = viewOf([silent, nodeAt(5, { service: 'user.admin' })])
    expect(targetOf(view, 'user.admin.list')).toEqual({ service: 'user.admin', method: 'list' })
    expect(targetOf(view, 'user.a.b')).toEqual({ service: 'user', method: 'a.b' })
  })

  it('may be unknown where a node tells nothing', () => {
    expect(targetOf(viewOf([...told, silent], documents), 'user.other').method).toBe('other')
  })

  it.each([
    ['usr.exists', 'did you mean "user"?'],
    ['user.exist', 'did you mean "exists"?'],
    ['gone.exists', 'services: user'],
    ['user.constructor', 'methods of user: exists, rename'],
  ])('%s is not there: %s', (target, help) => {
    let caught: unknown
    try {
      targetOf(viewOf(told, documents), target)
    } catch (thrown) {
      caught = thrown
    }
    expect(caught).toMatchObject({ code: 'NOT_FOUND', detail: { fix: expect.arrayContaining([help]) } })
  })
})

describe('a node', () => {
  const nodes = [nodeAt(1), nodeAt(3), nodeAt(5, { id: 'ffff' })]

  it.each(['abcd3-0000', 'abcd3', '127.0.0.1:3', '127.0.0.1:4', '127.0.0.1:4_127.0.0.1:3'])(
    'is meant by %s',
    (text) => {
      expect(nodeOf(nodes, text, 'user')).toBe('abcd3-0000')
    },
  )

  it('is not guessed', () => {
    expect(() => nodeOf(nodes, 'abcd', 'user')).toThrow(/2 nodes/)
    expect(() => nodeOf(nodes, 'fff', 'user')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
  })
})

describe('what a service offers', () => {
  it('is counted over all versions that are live', () => {
    const nodes = [nodeAt(1, { contract: 'h1', version: '1' }), nodeAt(3, { contract: 'h2', version: '2' }), nodeAt(5)]
    expect(serviceOf(viewOf(nodes, documents), 'user')).toEqual({
      service: 'user',
      nodes: 3,
      versions: ['1', '2'],
      methods: [
        { name: 'exists', expose: 'POST', nodes: 2 },
        { name: 'rename', nodes: 1 },
      ],
      actions: [{ name: 'login', path: '/login', methods: ['POST'], nodes: 1 }],
      events: [{ name: 'loggedIn', nodes: 1 }],
    })
  })
})

it.each([
  [-5, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [7_200_000, '2h'],
  [200_000_000, '2d'],
])('%i ms are told as %s', (ms, text) => expect(ageOf(ms)).toBe(text))
