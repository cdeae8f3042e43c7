/** A node of the corpus: a bare socket that keeps every byte it is sent, and answers what is a whole request. */
import { createServer, type Server, type Socket } from 'node:net'
import { type Message, readMessages } from './messages.ts'

export interface RecordingNode {
  readonly port: number
  /** Whole requests since it was asked last, in the order of their arrival. */
  take(): Message[]
  /** What is on its connections and no whole request, closed ones included: one text for each. */
  leftovers(): string[]
  /** What it was sent that could not be read: none, where the gateway is right. */
  readonly errors: readonly string[]
  close(): Promise<void>
}

/** @param answer raw, for each request; undefined: none */
export async function startRecordingNode(
  answer: (request: Message) => string | undefined,
  port = 0,
): Promise<RecordingNode> {
  const taken: Message[] = []
  const errors: string[] = []
  const rests = new Map<Socket, Buffer>()
  const sockets = new Set<Socket>()
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      const bytes = Buffer.concat([rests.get(socket) ?? Buffer.alloc(0), chunk])
      try {
        const { messages, rest } = readMessages(bytes, () => 'empty')
        rests.set(socket, rest)
        taken.push(...messages)
        for (const message of messages) {
          const text = answer(message)
          if (text !== undefined) socket.write(text, 'latin1')
        }
      } catch (error) {
        errors.push(String(error))
        socket.destroy()
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    errors,
    take: () => taken.splice(0),
    leftovers: () => [...rests.values()].flatMap((rest) => (rest.length === 0 ? [] : [rest.toString('latin1')])),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
