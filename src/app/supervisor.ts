/** Runs many nodes as processes in one terminal: starts them together, tells when all are ready, leaves nothing behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'

/** What a node tells its supervisor over the process channel. */
export interface ReadyMessage {
  readonly type: 'goms-ready'
  readonly service: string
  readonly name: string
  /** `host:port` of its HTTP listener. */
  readonly http: string
  readonly admin: string | undefined
}

/** What a supervisor tells a node: everything stops, so there is nobody to wait for. */
export interface StopMessage {
  readonly type: 'goms-stop-all'
}

export interface NodeCommand {
  /** Shown before each line of the node: `user-2`. */
  readonly label: string
  readonly args: readonly string[]
}

export interface SupervisorOptions {
  /** The command line's own script, run by the same Node. */
  readonly script: string
  readonly commands: readonly NodeCommand[]
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  /** How long all nodes may take to be ready. @default 30000 */
  readonly readyTimeoutMs?: number
  /** Prints one line of a node. */
  print(label: string, line: string): void
  /** A node ended by itself, after all were ready. */
  ended(label: string, how: string): void
}

export interface Supervisor {
  /** Resolves when every node is ready. @throws GomsError with what the first failed node printed */
  ready(): Promise<readonly ReadyMessage[]>
  /** Prints what the nodes said while they started, but for where they listen and who joins. */
  catchUp(): void
  /** Resolves when no node is left: by `stop`, or because all ended; to whether all ended well. */
  done(): Promise<boolean>
  /** Stops all. A node that does not go within the grace is killed. */
  stop(): Promise<void>
}

/** A node that was told to stop and is still there then is killed. */
const STOP_GRACE_MS = 5000
/** How `exited` tells of a node that ended without an error. */
const ENDED_WELL = 'exit code 0'
/** What every node says when it starts: the first screen tells it shorter. */
const STARTING = /\] ((Http|Rpc) Listen on port: |node \[[^\]]+\] join$)/
/** Lines kept of a node that has not become ready, to be shown if it fails. */
const KEPT_LINES = 50

interface Child {
  readonly label: string
  readonly process: ChildProcess
  readonly lines: string[]
  readonly exited: Promise<string>
  ready: ReadyMessage | undefined
}

export function supervise(options: SupervisorOptions): Supervisor {
  let allReady = false
  let stopping = false
  const children = options.commands.map((command) => startChild(command))
  // Whatever ends this process, by mistake too, takes the nodes along.
  const killAll = (): void => {
    for (const child of children) child.process.kill('SIGKILL')
  }
  process.once('exit', killAll)

  function startChild(command: NodeCommand): Child {
    // A group of its own: Ctrl-C reaches the supervisor only, which then stops the nodes in order.
    const started = spawn(process.execPath, [options.script, ...command.args], {
      env: { ...options.env, GOMS_SUPERVISED: '1' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    })
    const exited = new Promise<string>((resolve) => {
      started.once('error', (error) => resolve(error.message))
      started.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    })
    const child: Child = { label: command.label, process: started, lines: [], exited, ready: undefined }
    for (const stream of [started.stdout, started.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => takeLine(child, line))
    }
    exited.then((how) => {
      if (allReady && !stopping) options.ended(child.label, how)
    })
    return child
  }

  function takeLine(child: Child, line: string): void {
    // While all stop, what they tell of each other's leaving is noise.
    if (stopping) return
    if (allReady) options.print(child.label, line)
    else if (child.lines.push(line) > KEPT_LINES) child.lines.shift()
  }

  function becomesReady(child: Child): Promise<ReadyMessage> {
    return new Promise((resolve, reject) => {
      child.process.on('message', (message: ReadyMessage) => {
        if (message.type !== 'goms-ready') return
        child.ready = message
        resolve(message)
      })
      child.exited.then((how) => reject(failedToStart(child, how)))
    })
  }

  async function stop(): Promise<void> {
    stopping = true
    const message: StopMessage = { type: 'goms-stop-all' }
    for (const child of children) {
      if (child.process.connected) child.process.send(message, () => {})
      else child.process.kill('SIGTERM')
    }
    const timer = options.clock.after(STOP_GRACE_MS, killAll)
    await Promise.all(children.map((child) => child.exited))
    timer.cancel()
    process.off('exit', killAll)
  }

  return {
    async ready() {
      const limitMs = options.readyTimeoutMs ?? 30_000
      let timer: { cancel(): void } | undefined
      const late = new Promise<never>((_, reject) => {
        timer = options.clock.after(limitMs, () => reject(notReady(children, limitMs)))
      })
      try {
        const messages = await Promise.race([Promise.all(children.map(becomesReady)), late])
        allReady = true
        return messages
      } finally {
        timer?.cancel()
      }
    },
    catchUp() {
      for (const child of children) {
        for (const line of child.lines.splice(0)) if (!STARTING.test(line)) options.print(child.label, line)
      }
    },
    async done() {
      const hows = await Promise.all(children.map((child) => child.exited))
      return stopping || hows.every((how) => how === ENDED_WELL)
    },
    stop,
  }
}

function failedToStart(child: Child, how: string): GomsError {
  return new GomsError('GOMS_SERVICE_FILE', `${child.label} did not start (${how})`, {
    detail: { frame: child.lines.map((line) => `  ${line}`).join('\n') },
  })
}

function notReady(children: readonly Child[], limitMs: number): GomsError {
  const missing = children.filter((child) => !child.ready)
  const labels = missing.map((child) => child.label).join(', ')
  return new GomsError('GOMS_SERVICE_FILE', `${labels}: not ready within ${limitMs} ms`, {
    detail: {
      frame: missing
        .flatMap((child) => child.lines)
        .map((line) => `  ${line}`)
        .join('\n'),
    },
  })
}
