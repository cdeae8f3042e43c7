import { availableParallelism, tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { gateway } from '../gateway/gateway.ts'
import { fileForWorkers, workerCount } from './gateway-workers.ts'
import { serve } from './serve.ts'

const given = { file: 'gateway.ts', gateways: 1, use: undefined, balancers: undefined }

test('what cannot be handed to other processes is told, with what to do', () => {
  expect(fileForWorkers(given)).toBe('gateway.ts')
  const mistakes = [{ file: undefined }, { gateways: 2 }, { use: [] }, { balancers: {} }].map((wrong) => {
    try {
      return fileForWorkers({ ...given, ...wrong })
    } catch (error) {
      return error
    }
  })
  expect(mistakes.map((it) => (it as { code: string; detail: { found: string } }).detail.found)).toEqual([
    'one that a script gave to serve(…)',
    '2 gateways in one process',
    'serve(…, { use })',
    'serve(…, { balancers })',
  ])
})

test('it is told before anything is started', async () => {
  const flags = { registry: 'memory', workers: 2, httpPort: 0, rpcPort: 0 }
  await expect(serve(gateway(), { flags, env: {}, cwd: tmpdir() })).rejects.toMatchObject({
    code: 'GOMS_OPTION_INVALID',
  })
})

test('auto is what the system offers', () => {
  expect(workerCount({ gateway: { workers: 'auto' } } as never)).toBe(availableParallelism())
  expect(workerCount({ gateway: { workers: 3 } } as never)).toBe(3)
})
