import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { listenOn } from './listen.ts'
import { createRpcRefusal, type RpcRefusal } from './rpc-refusal.ts'
import { createRpcxRefuser, MAX_FRAME_BYTES, MAX_KEPT_BYTES } from './rpcx-refuser.ts'

/** seq 0x0102030405060708, `Arith.Mul`, metadata {k: vv}, MessagePack, payload nil: made by the Go package. */
const REQUEST = Buffer.from(
  '08000030010203040506070800000024000000054172697468000000034d756c0000000b000000016b00000002767600000001c0',
  'hex',
)

function frame(flags: number, seq: number, payload: Buffer = Buffer.alloc(0), path = ''): Buffer {
  const head = Buffer.alloc(16)
  head[0] = 0x08
  head[2] = flags
  head[3] = 0x30
  head.writeUInt32BE(seq, 8)
  head.writeUInt32BE(16 + path.length + payload.length, 12)
  const u32 = (n: number): Buffer => Buffer.from([n >>> 24, n >>> 16, n >>> 8, n].map((b) => b & 0xff))
  return Buffer.concat([head, u32(path.length), Buffer.from(path), u32(0), u32(0), u32(payload.length), payload])
}

function metadataOf(answer: Buffer): Record<string, string> {
  const found: Record<string, string> = {}
  const end = 28 + answer.readUInt32BE(24)
  for (let at = 28; at < end; ) {
    const text = (): string => {
      const length = answer.readUInt32BE(at)
      at += 4 + length
      return answer.toString('utf8', at - length, at)
    }
    const key = text()
    found[key] = text()
  }
  return found
}

describe('an rpcx frame', () => {
  it('is answered with an error that carries its seq', () => {
    const answer = createRpcxRefuser().take(REQUEST) as Buffer
    expect(answer.subarray(0, 4).toString('hex')).toBe('08008130')
    expect(answer.subarray(4, 12).toString('hex')).toBe('0102030405060708')
    expect(answer.readUInt32BE(12)).toBe(answer.length - 16)
    expect(metadataOf(answer)).toEqual({
      __rpcx_error__: "rpcx: can't find service Arith",
      'goms-refused': 'unimplemented',
    })
  })

  it('is answered the same however it is cut', () => {
    const whole = Buffer.concat([REQUEST, frame(0x40, 7, Buffer.from('ping')), REQUEST, REQUEST])
    const expected = createRpcxRefuser().take(whole) as Buffer
    for (const size of [1, 2, 3, 7, 16, 17, 50, 99]) {
      const refuser = createRpcxRefuser()
      const answers: Buffer[] = []
      for (let i = 0; i < whole.length; i += size) answers.push(refuser.take(whole.subarray(i, i + size)) as Buffer)
      expect(Buffer.concat(answers).equals(expected)).toBe(true)
    }
  })

  it('of a heartbeat comes back as it is, with the bit of a response', () => {
    const beat = frame(0x40, 9, Buffer.from('d30000000000000001', 'hex'))
    const echo = createRpcxRefuser().take(beat) as Buffer
    expect(echo[2]).toBe(0xc0)
    echo[2] = 0x40
    expect(echo.equals(beat)).toBe(true)
  })

  it('that wants no answer gets none', () => {
    const refuser = createRpcxRefuser()
    expect(refuser.take(frame(0x20, 1))).toHaveLength(0)
    expect(refuser.take(frame(0x80, 1))).toHaveLength(0)
  })

  it('of any allowed length is skipped without being kept', () => {
    const refuser = createRpcxRefuser()
    const payload = Buffer.alloc(1024 * 1024)
    const bytes = Buffer.concat([frame(0, 1, payload, 'big'), REQUEST])
    const answers: Buffer[] = []
    for (let i = 0; i < bytes.length; i += 65_536) answers.push(refuser.take(bytes.subarray(i, i + 65_536)) as Buffer)
    expect(answers.filter((a) => a.length > 0)).toHaveLength(2)
  })

  it.each([
    ['another magic', Buffer.from('GET / HTTP/1.1')],
    ['a length below its parts', Buffer.from('08000030000000000000000100000001', 'hex')],
    ['a length beyond the limit', Buffer.from(`0800003000000000000000${'01ffffffff'}`, 'hex')],
    ['a path beyond the frame', Buffer.from('0800003000000000000000010000001000001000', 'hex')],
    ['a heartbeat too long to be kept', frame(0x40, 1, Buffer.alloc(MAX_KEPT_BYTES))],
  ])('with %s ends the connection', (_, bytes) => {
    expect(createRpcxRefuser().take(bytes)).toBeUndefined()
    expect(MAX_FRAME_BYTES).toBeGreaterThan(MAX_KEPT_BYTES)
  })
})

describe('the RPC port', () => {
  let refusal: RpcRefusal | undefined
  afterEach(() => refusal?.close())

  async function open(limits = {}): Promise<{ port: number; dial(): Socket }> {
    refusal = createRpcRefusal(limits)
    const { port } = await listenOn(refusal.server, 0, '127.0.0.1')
    return { port, dial: () => connect(port, '127.0.0.1') }
  }

  async function readAll(socket: Socket): Promise<string> {
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('error', () => {})
    await once(socket, 'close')
    return text
  }

  it('refuses each rpcx request and keeps the connection', async () => {
    const { dial } = await open()
    const socket = dial()
    for (let i = 0; i < 2; i++) {
      socket.write(REQUEST)
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(metadataOf(answer).__rpcx_error__).toContain('Arith')
    }
    socket.destroy()
  })

  it.each([
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    `POST /x HTTP/1.1\r\nContent-Length: 99999\r\n\r\n${'x'.repeat(99999)}`,
  ])('answers HTTP with 501 and closes', async (request) => {
    const { dial } = await open()
    const socket = dial()
    socket.write(request)
    const text = await readAll(socket)
    expect(text).toMatch(/^HTTP\/1\.1 501 /)
    expect(JSON.parse(text.split('\r\n\r\n')[1] as string)).toMatchObject({ status: false, code: 'UNIMPLEMENTED' })
  })

  it('closes what is neither, and what stays silent', async () => {
    const { dial } = await open({ idleMs: 30 })
    const strange = dial()
    strange.write('\x16\x03\x01')
    expect(await readAll(strange)).toBe('')
    expect(await readAll(dial())).toBe('')
  })

  it('takes no more connections than its limit', async () => {
    const { dial } = await open({ maxConnections: 1 })
    const first = dial()
    await once(first, 'connect')
    expect(await readAll(dial())).toBe('')
    expect(first.destroyed).toBe(false)
    first.destroy()
  })
})
