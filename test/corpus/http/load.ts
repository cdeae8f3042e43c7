/** Load of others beside the corpus: connections that ask again and again, and look closely at their answers. */
import { type Message, readMessages } from './messages.ts'
import { openClient, type RawClient } from './raw-client.ts'

export interface Load {
  /** Requests that were answered rightly so far. */
  readonly answered: number
  /** Ends when what is under way is answered. @returns what was wrong */
  stop(): Promise<string[]>
}

export interface LoadOptions {
  readonly port: number
  /** That the requests go to. The node answers it with {@link loadAnswer}. */
  readonly target: string
  readonly connections?: number
}

/** What a node says to a request of the load: its id and its body. */
export function loadAnswer({ fields, body }: Message): string {
  const id = fields.find(([name]) => name === 'x-load')?.[1] ?? 'none'
  const echo = `${id} ${body}`
  return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${echo.length}\r\n\r\n${echo}`
}

export function startLoad({ port, target, connections = 3 }: LoadOptions): Load {
  const wrong: string[] = []
  let answered = 0
  let stopping = false

  async function ask(client: RawClient, id: string): Promise<boolean> {
    const body = `body of ${id}`
    const framing =
      answered % 3 === 0
        ? `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
        : `Content-Length: ${body.length}\r\n\r\n${body}`
    client.send(`POST ${target} HTTP/1.1\r\nHost: load.test\r\nX-Load: ${id}\r\n${framing}`)
    let answer: Message | undefined
    const came = await client.until(() => {
      answer = readMessages(client.heard(), () => 'until-end').messages[0]
      return answer !== undefined
    })
    if (came && answer?.start === 'HTTP/1.1 200 OK' && answer.body === `${id} ${body}`) return true
    wrong.push(`${id}: ${JSON.stringify(client.heard().toString('latin1'))}, ${client.ending()}`)
    return false
  }

  const done = Array.from({ length: connections }, async (_, n) => {
    const client = openClient(port)
    for (let i = 0; !stopping; i++) {
      if (!(await ask(client, `load-${n}-${i}`))) break
      client.forget()
      answered++
      // The corpus is to have its turn too.
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    client.close()
  })
  return {
    get answered() {
      return answered
    },
    async stop() {
      stopping = true
      await Promise.all(done)
      return wrong
    },
  }
}
