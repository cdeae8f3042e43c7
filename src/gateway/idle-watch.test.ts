import { describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { IdleWatch, type Watched } from './idle-watch.ts'

function made(idleMs = 1000) {
  const clock = manualClock()
  const watch = new IdleWatch(clock, () => idleMs)
  const idle: string[] = []
  const one = (name: string): Watched => {
    const watched: Watched = {
      ...{ moved: false, stillLooks: 0, watchIndex: -1 },
      idle() {
        idle.push(name)
        watch.remove(watched)
      },
    }
    return watched
  }
  return { clock, watch, idle, one }
}

describe('the watch', () => {
  it('tells of those who did not move, after the time and at most a quarter more', () => {
    const { clock, watch, idle, one } = made()
    watch.add(one('a'))
    clock.advance(999)
    expect(idle).toEqual([])
    clock.advance(251)
    expect(idle).toEqual(['a'])
    clock.advance(5000)
    expect(idle).toEqual(['a'])
  })

  it('lets those be who move, and those who have gone', () => {
    const { clock, watch, idle, one } = made()
    const [moving, gone, still] = [one('moving'), one('gone'), one('still')] as const
    for (const each of [gone, moving, still, still]) watch.add(each)
    watch.remove(gone)
    watch.remove(gone)
    for (let i = 0; i < 10; i++) {
      moving.moved = true
      clock.advance(500)
    }
    expect(idle).toEqual(['still'])
    clock.advance(1250)
    expect(idle).toEqual(['still', 'moving'])
  })

  it('rests while there is nobody, and starts again', () => {
    const { clock, watch, idle, one } = made()
    const first = one('first')
    watch.add(first)
    watch.remove(first)
    clock.advance(10_000)
    watch.add(one('second'))
    clock.advance(1250)
    expect(idle).toEqual(['second'])
    watch.close()
  })
})
