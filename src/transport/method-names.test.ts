import { describe, expect, it } from 'vitest'
import { beginFrame, beginPayload, createFrame, createFrameHead, endFrame, readFrame } from '../rpcx/frame.ts'
import { writeMetadata } from '../rpcx/metadata.ts'
import { createTextCache } from '../rpcx/text.ts'
import { createWriter } from '../rpcx/writer.ts'
import { MethodNames } from './method-names.ts'

function read(names: MethodNames, service: string, method: string): readonly [string, string] {
  const writer = createWriter()
  beginFrame(writer, createFrameHead(0, 0x30, service, method), 0, 1)
  writeMetadata(writer, [])
  endFrame(writer, beginPayload(writer))
  const bytes = writer.take()
  const frame = createFrame()
  readFrame(bytes, 0, bytes.length, frame)
  names.read(frame)
  return [names.service, names.method]
}

describe('the names of requests that follow each other', () => {
  const pairs: readonly (readonly [string, string])[] = [
    ['', ''],
    ['a', ''],
    ['', 'a'],
    ['ab', 'c'],
    ['a', 'bc'],
    ['user', 'exists'],
    ['user', 'existt'],
    ['vser', 'exists'],
    ['user', 'exist'],
    ['_goms', 'cancel'],
    ['größe', 'mäßig'],
    ...[54, 55, 56, 57, 58, 100].flatMap((n): (readonly [string, string])[] => [
      ['s', `${'m'.repeat(n - 1)}a`],
      ['s', `${'m'.repeat(n - 1)}b`],
      ['t', `${'m'.repeat(n - 1)}b`],
    ]),
  ]

  it('are their own, whatever came before', () => {
    const names = new MethodNames(createTextCache())
    for (const before of pairs) {
      for (const one of pairs) {
        expect(read(names, ...before)).toEqual(before)
        expect(read(names, ...one)).toEqual(one)
        expect(read(names, ...one)).toEqual(one)
      }
    }
  })

  it('are read once where they are the same', () => {
    let reads = 0
    const texts = createTextCache()
    const names = new MethodNames({
      read(bytes, start, end) {
        reads++
        return texts.read(bytes, start, end)
      },
    })
    for (let i = 0; i < 10; i++) read(names, 'user', 'exists')
    expect(reads).toBe(2)
    read(names, 'user', 'another')
    expect(reads).toBe(4)
  })
})
