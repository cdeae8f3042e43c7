/** The log of a worker: its lines go to the primary, which has the log's files and its format. Bounded, for the channel may stall. */
import type { Clock, Timer } from '../core/clock.ts'
import type { AccessEntry, LogFields, LogLevel, ProcessLog } from '../core/log.ts'
import { cut, MAX_TEXT_CHARS, toPlainFields } from './log-fields.ts'
import type { Channel } from './process-channel.ts'
import type { Reports } from './worker-protocol.ts'

/** Messages on their way; a line more is dropped, and counted. */
const MAX_ON_THE_WAY = 256
/** Entries of the access log that go together. */
const ENTRIES = 256
const LATER_MS = 100

export interface WorkerLog extends ProcessLog {
  /** Entries of the access log go together, and a moment later; these go now. */
  flush(): void
}

export function createWorkerLog(channel: () => Channel<Reports>, clock: Clock): WorkerLog {
  let onTheWay = 0
  let dropped = 0
  let entries: AccessEntry[] = []
  let later: Timer | undefined

  const arrived = (): void => {
    onTheWay--
    if (dropped === 0 || onTheWay > MAX_ON_THE_WAY / 2) return
    const count = dropped
    dropped = 0
    say('warn', `${count} lines of a worker's log dropped: more than its primary took`, { dropped: count })
  }

  function say(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (onTheWay >= MAX_ON_THE_WAY) {
      dropped++
      return
    }
    onTheWay++
    // What cannot be sent to another process, a function say, would be an error of this line.
    const plain = fields && toPlainFields(fields)
    channel().tell('log', { level, message: cut(String(message), MAX_TEXT_CHARS), fields: plain }, undefined, arrived)
  }

  function sendEntries(): void {
    later?.cancel()
    later = undefined
    const all = entries
    entries = []
    if (onTheWay >= MAX_ON_THE_WAY) {
      dropped += all.length
      return
    }
    onTheWay++
    channel().tell('access', all, undefined, arrived)
  }

  const at =
    (level: LogLevel): ProcessLog['info'] =>
    (message, fields) =>
      say(level, message, fields)
  return {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    access(entry) {
      entries.push({ ...entry })
      if (entries.length >= ENTRIES) sendEntries()
      else later ??= clock.after(LATER_MS, sendEntries)
    },
    flush() {
      if (entries.length > 0) sendEntries()
    },
  }
}
