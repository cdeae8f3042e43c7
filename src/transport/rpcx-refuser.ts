/**
 * Answers rpcx frames with errors, and heartbeats with themselves, as bytes in and bytes out. Of a request nothing is
 * kept but its head and path, however long its payload. Frame layout: smallnest/rpcx, protocol/message.go.
 */

/** Bytes that are kept at most; a heartbeat that is longer, or a path, ends the connection. */
export const MAX_KEPT_BYTES = 16_384
/** A frame that says that it is longer ends the connection. */
export const MAX_FRAME_BYTES: number = 64 * 1024 * 1024

const MAGIC = 0x08
const HEAD_BYTES = 16
const RESPONSE = 0x80
const HEARTBEAT = 0x40
const ONEWAY = 0x20
const COMPRESS = 0x1c
const STATUS = 0x03
const STATUS_ERROR = 0x01
/** Lengths of path, method, metadata and payload. */
const LENGTHS_BYTES = 16

export interface RpcxRefuser {
  /** What to send back for these bytes, empty for nothing; undefined: this is no rpcx, close. */
  take(chunk: Buffer): Buffer | undefined
}

export function createRpcxRefuser(): RpcxRefuser {
  let kept: Buffer = Buffer.alloc(0)
  let toSkip = 0

  return {
    take(chunk) {
      const answers: Buffer[] = []
      let rest = chunk
      for (;;) {
        const skipped = Math.min(toSkip, rest.length)
        toSkip -= skipped
        rest = rest.subarray(skipped)
        if (rest.length === 0 && kept.length === 0) break
        const bytes = kept.length === 0 ? rest : Buffer.concat([kept, rest])
        kept = Buffer.alloc(0)
        const read = readFrame(bytes)
        if (read === 'broken') return undefined
        if (read === 'more') {
          if (bytes.length > MAX_KEPT_BYTES) return undefined
          kept = Buffer.from(bytes)
          break
        }
        if (read.answer !== undefined) answers.push(read.answer)
        toSkip = Math.max(0, read.frameBytes - bytes.length)
        rest = bytes.subarray(Math.min(read.frameBytes, bytes.length))
      }
      return Buffer.concat(answers)
    },
  }
}

interface Read {
  readonly frameBytes: number
  readonly answer: Buffer | undefined
}

/** Reads as much of the first frame as an answer takes. */
function readFrame(bytes: Buffer): Read | 'more' | 'broken' {
  if (bytes[0] !== MAGIC) return 'broken'
  if (bytes.length < HEAD_BYTES) return 'more'
  const total = bytes.readUInt32BE(12)
  const frameBytes = HEAD_BYTES + total
  if (total < LENGTHS_BYTES || frameBytes > MAX_FRAME_BYTES) return 'broken'
  const flags = bytes[2] as number
  if ((flags & RESPONSE) !== 0) return { frameBytes, answer: undefined }
  if ((flags & HEARTBEAT) !== 0) {
    if (frameBytes > MAX_KEPT_BYTES) return 'broken'
    if (bytes.length < frameBytes) return 'more'
    const echo = Buffer.from(bytes.subarray(0, frameBytes))
    echo[2] = flags | RESPONSE
    return { frameBytes, answer: echo }
  }
  if ((flags & ONEWAY) !== 0) return { frameBytes, answer: undefined }
  if (bytes.length < HEAD_BYTES + 4) return 'more'
  const pathBytes = bytes.readUInt32BE(HEAD_BYTES)
  if (pathBytes + LENGTHS_BYTES > total || pathBytes > MAX_KEPT_BYTES - HEAD_BYTES - 4) return 'broken'
  if (bytes.length < HEAD_BYTES + 4 + pathBytes) return 'more'
  const path = bytes.toString('utf8', HEAD_BYTES + 4, HEAD_BYTES + 4 + pathBytes)
  return { frameBytes, answer: refusal(bytes, path) }
}

/** The request's head with an error in the metadata: in the words of Go's server, and in ours beside it. */
function refusal(request: Buffer, path: string): Buffer {
  const metadata = Buffer.concat([
    ...pair('__rpcx_error__', `rpcx: can't find service ${path}`),
    ...pair('goms-refused', 'unimplemented'),
  ])
  const head = Buffer.from(request.subarray(0, HEAD_BYTES))
  head[2] = ((head[2] as number) & ~(COMPRESS | STATUS)) | RESPONSE | STATUS_ERROR
  head.writeUInt32BE(LENGTHS_BYTES + metadata.length, 12)
  // No path, no method: a client goes by seq, flags, metadata and payload.
  return Buffer.concat([head, uint32(0), uint32(0), uint32(metadata.length), metadata, uint32(0)])
}

function pair(key: string, value: string): Buffer[] {
  return [uint32(Buffer.byteLength(key)), Buffer.from(key), uint32(Buffer.byteLength(value)), Buffer.from(value)]
}

function uint32(n: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(n)
  return bytes
}
