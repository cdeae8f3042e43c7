/** Scripts that Redis runs: sent by their hash, and as text only where it does not know them yet. */
import { createHash } from 'node:crypto'

export interface RedisScript {
  readonly text: string
  readonly sha: string
}

/** What of a client is needed. */
export interface Commands {
  sendCommand(args: readonly string[]): Promise<unknown>
}

export function redisScript(text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** @param args the number of keys, the keys, the arguments */
export async function runScript(client: Commands, script: RedisScript, args: readonly string[]): Promise<unknown> {
  try {
    return await client.sendCommand(['EVALSHA', script.sha, ...args])
  } catch (error) {
    if (!isUnknownScript(error)) throw error
    // It knows it from now on.
    return client.sendCommand(['EVAL', script.text, ...args])
  }
}

/** After a restart, or `SCRIPT FLUSH`. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
