/** What a client calls its request is known along the whole chain of calls. */
import { expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import { service } from '../service/service.ts'
import { testMesh } from './test-mesh.ts'

const Leaf = contract('leaf', { rpc: { take: rpc<void, string | undefined>() } })
const Front = contract('front', { rpc: { ask: rpc<void, (string | undefined)[]>({ expose: 'POST' }) } })

const leaf = service(Leaf, { rpc: { take: (_, { requestId }) => requestId } })
const front = service(Front, {
  uses: { leaf: Leaf },
  rpc: { ask: async (_, { leaf, requestId }) => [requestId, await leaf.take()] },
})

async function ask(headers: Record<string, string>): Promise<unknown> {
  const mesh = await testMesh({ services: [front, leaf] })
  try {
    const answer = await mesh.fetch('/api/front/ask', { method: 'POST', headers })
    return ((await answer.json()) as { data: unknown }).data
  } finally {
    await mesh.close()
  }
}

it('travels with calls of methods, and with theirs', async () => {
  expect(await ask({ 'x-request-id': 'order-17' })).toEqual(['order-17', 'order-17'])
})

it('is not sent where it is the trace id, which everybody knows, nor where it is none', async () => {
  expect(await ask({})).toEqual([null, null])
  expect(await ask({ 'x-request-id': 'two words' })).toEqual([null, null])
})
