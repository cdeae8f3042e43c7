import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { keptLog } from '../registry/registry.suite.ts'
import type { RoutesDocument } from '../registry/registry.ts'
import { keepRoutes } from './kept-routes.ts'

const document = (number: number): RoutesDocument => ({
  ...{ format: 1, number, line: 'l1', at: '2026-11-26T10:00:00.000Z', by: 'bob@laptop', set: { timeout: number } },
})

describe('routes that are kept', () => {
  let base: string
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'goms-kept-'))
  })
  afterEach(() => rm(base, { recursive: true }))

  function keep(dir: string, kind: 'etcd' | 'embedded' = 'etcd') {
    const log = keptLog()
    return { log, kept: keepRoutes({ dir, project: 'shop', kind, clock: systemClock, log }) }
  }

  it('are read as they were written last, from a directory that is made for them', async () => {
    const dir = join(base, 'runtime')
    const { kept } = keep(dir)
    expect(await kept.read()).toBeUndefined()
    for (let number = 1; number <= 20; number++) kept.write(document(number))
    await kept.written()
    expect(await kept.read()).toEqual(document(20))
    expect(await keep(dir).kept.read()).toEqual(document(20))
    // Nothing half-written is left beside it.
    expect(await readdir(dir)).toEqual(['routes-shop.json'])
    expect(JSON.parse(await readFile(join(dir, 'routes-shop.json'), 'utf8'))).toMatchObject({ routes: { number: 20 } })
  })

  it('are forgotten with those in the registry', async () => {
    const { kept } = keep(base)
    kept.write(document(1))
    kept.write(undefined)
    await kept.written()
    expect([await kept.read(), await readdir(base)]).toEqual([undefined, []])
  })

  it('of one kind of registry are none for another', async () => {
    const { kept } = keep(base, 'embedded')
    kept.write(document(1))
    await kept.written()
    expect(await keep(base, 'etcd').kept.read()).toBeUndefined()
  })

  it.each(['', '{"registry":"etcd","rou', '[]', '{"registry":"etcd","routes":{"number":"1"}}'])(
    'are none where the file holds %j',
    async (text) => {
      await writeFile(join(base, 'routes-shop.json'), text)
      expect(await keep(base).kept.read()).toBeUndefined()
    },
  )

  it('that cannot be written are said, and harm nobody', async () => {
    const dir = join(base, 'file')
    await writeFile(dir, '')
    const { kept, log } = keep(dir)
    kept.write(document(1))
    await kept.written()
    expect(log.lines).toEqual([expect.stringMatching(/^warn routes: routes-shop\.json could not be written/)])
    await rm(dir)
    await mkdir(dir)
    kept.write(document(2))
    await kept.written()
    expect((await kept.read())?.number).toBe(2)
  })
})
