import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RangeResponse, TxnResponse, WatchResponse } from './etcd-answers.ts'
import { LeaseGrantRequest, PutRequest, TxnRequest, toRangeEnd, WatchRequest } from './etcd-codec.ts'
import { createFrameSplitter, toFrame } from './grpc-frame.ts'

describe('the etcd codec', () => {
  it('writes the bytes that protoc would', () => {
    expect(PutRequest.encode({ key: 'foo', value: 'bar', lease: 300n }).toString('hex')).toBe(
      '0a03666f6f120362617218ac02',
    )
    expect(LeaseGrantRequest.encode({ ttl: -1n }).toString('hex')).toBe('08ffffffffffffffffff01')
    expect(WatchRequest.encode({ progress: {} }).toString('hex')).toBe('1a00')
  })

  it('keeps 64-bit numbers whole', () => {
    const header = { clusterId: 2n ** 64n - 1n, memberId: 1n, revision: 2n ** 63n - 1n, raftTerm: 7n }
    expect(RangeResponse.decode(RangeResponse.encode({ header })).header).toEqual(header)
  })

  it('tells a compare with 0 from one that was left out', () => {
    const bytes = TxnRequest.encode({
      compare: [{ key: 'k', target: 1, createRevision: 0n }],
      success: [{ put: { key: 'k', value: '' } }],
      failure: [],
    })
    const back = TxnRequest.decode(bytes)
    expect(back.compare[0]).toMatchObject({ target: 1, createRevision: 0n, key: 'k' })
    expect(back.compare[0]?.modRevision).toBeUndefined()
    expect(back.success[0]?.put).toMatchObject({ key: 'k', value: '', lease: 0n })
    expect(back.failure).toEqual([])
  })

  it('brings every watch answer back as it was', () => {
    const kv = { key: 'a', value: 'ü', createRevision: 2n, modRevision: 3n, version: 1n, lease: -5n }
    const answer = {
      watchId: -1n,
      created: true,
      canceled: true,
      compactRevision: 9n,
      cancelReason: 'why',
      fragment: true,
      events: [{ type: 1, kv }],
    }
    expect(WatchResponse.decode(WatchResponse.encode(answer))).toEqual(answer)
  })

  it('reads packed numbers and skips unknown fields', () => {
    // filters = [0, 1] packed, then an unknown fixed64, a fixed32 and a length-delimited field
    const create = '2a020001' + 'f9010102030405060708' + 'fd0101020304' + 'fa0102aaaa'
    const bytes = Buffer.from(`0a${(create.length / 2).toString(16).padStart(2, '0')}${create}`, 'hex')
    expect(WatchRequest.decode(bytes).create?.filters).toEqual([0, 1])
  })

  it('answers any bytes with a message or DATA_LOSS, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const type of [TxnRequest, TxnResponse, WatchResponse, WatchRequest]) {
          try {
            type.decode(Buffer.from(bytes))
          } catch (error) {
            expect(error).toMatchObject({ code: 'DATA_LOSS' })
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  it('ends a prefix one byte later', () => {
    expect(toRangeEnd('goms_')).toBe('goms`')
    expect(toRangeEnd('/goms/v1/')).toBe('/goms/v10')
  })
})

describe('the gRPC frame splitter', () => {
  it('hands out the same messages however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 20 }),
        (parts, step) => {
          const sent = parts.map((part) => Buffer.from(part))
          const stream = Buffer.concat(sent.map(toFrame))
          const got: Buffer[] = []
          const take = createFrameSplitter(1000, (bytes) => got.push(bytes))
          for (let at = 0; at < stream.length; at += step) take(stream.subarray(at, at + step))
          expect(got).toEqual(sent)
        },
      ),
    )
  })

  it('refuses a message above the limit as soon as its length is known', () => {
    const take = createFrameSplitter(10, () => {})
    expect(() => take(toFrame(Buffer.alloc(11)).subarray(0, 5))).toThrow(
      expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }),
    )
  })
})
