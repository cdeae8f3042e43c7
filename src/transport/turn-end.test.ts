import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { atTurnEnd, turnsAreShort } from './turn-end.ts'

describe('the end of a turn', () => {
  it('comes after the promises of the turn, for all in their order', async () => {
    const seen: string[] = []
    atTurnEnd({ turnEnded: () => void seen.push('a') })
    atTurnEnd({ turnEnded: () => void seen.push('b') })
    await Promise.resolve()
    expect(seen).toEqual([])
    await turn()
    expect(seen).toEqual(['a', 'b'])
  })

  it('takes up nothing that is added meanwhile: the next one does', async () => {
    const seen: string[] = []
    const again = { turnEnded: () => void seen.push('again') }
    atTurnEnd({
      turnEnded() {
        seen.push('first')
        atTurnEnd(again)
      },
    })
    await turn()
    expect(seen).toEqual(['first'])
    await turn()
    expect(seen).toEqual(['first', 'again'])
  })

  it('is kept for the others when one throws', async () => {
    const seen: string[] = []
    const caught: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => caught.push(error))
    const mistake = new Error('a mistake')
    atTurnEnd({
      turnEnded() {
        throw mistake
      },
    })
    atTurnEnd({ turnEnded: () => void seen.push('b') })
    while (seen.length === 0) await turn()
    for (const other of others) process.on('uncaughtException', other)
    expect(caught).toEqual([mistake])
    expect(seen).toEqual(['b'])
  })

  it('tells whether the turn before had little to write', async () => {
    const nothing = { turnEnded() {} }
    const write = (times: number): void => {
      for (let i = 0; i < times; i++) atTurnEnd(nothing)
    }
    write(5)
    await turn()
    expect(turnsAreShort()).toBe(false)
    write(4)
    expect(turnsAreShort()).toBe(false)
    await turn()
    expect(turnsAreShort()).toBe(true)
  })
})
