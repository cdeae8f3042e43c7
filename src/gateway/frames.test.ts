import { describe, expect, it } from 'vitest'
import { FrameTracker } from './frames.ts'

function frame(bytes: number, masked: boolean): Buffer {
  const mask = masked ? 0x80 : 0
  const head =
    bytes < 126
      ? [0x82, mask | bytes]
      : bytes < 65_536
        ? [0x82, mask | 126, bytes >> 8, bytes & 255]
        : [0x82, mask | 127, 0, 0, 0, 0, bytes >>> 24, (bytes >> 16) & 255, (bytes >> 8) & 255, bytes & 255]
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0, 1), Buffer.alloc(bytes, 0x81)])
}

describe('frames', () => {
  const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]

  it.each([1, 2, 3, 7, 1000, 1_000_000])('are followed through chunks of %s bytes', (step) => {
    for (const masked of [false, true]) {
      for (const size of sizes) {
        const tracker = new FrameTracker()
        const bytes = frame(size, masked)
        let boundaries = 0
        for (let at = 0; at < bytes.length; at += step) {
          if (tracker.between) boundaries++
          tracker.take(bytes.subarray(at, at + step))
        }
        expect(boundaries).toBe(1)
        expect(tracker.between).toBe(true)
      }
    }
  })

  it('are stopped at where the next one would begin', () => {
    const tracker = new FrameTracker()
    const bytes = Buffer.concat([frame(200, true), frame(5, true)])
    tracker.take(bytes.subarray(0, 100))
    expect(tracker.take(bytes.subarray(100), true)).toBe(208 - 100)
    expect(tracker.take(bytes, true)).toBe(0)
  })
})
