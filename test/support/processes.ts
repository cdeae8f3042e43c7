/** Runs goms processes for tests: from the build, with their lines captured, and never left behind. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

const root: string = join(import.meta.dirname, '..', '..')
const main: string = join(root, 'dist', 'cli', 'main.js')

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Line {
  /** Milliseconds since 1970. */
  readonly atMs: number
  readonly from: 'stdout' | 'stderr'
  readonly text: string
}

export interface Found {
  readonly line: Line
  readonly match: RegExpMatchArray
}

export interface Running {
  readonly name: string
  readonly pid: number
  /** What it printed so far, in order of arrival. */
  readonly lines: readonly Line[]
  readonly exited: Promise<Exit>
  /**
   * The first line that matches, printed already (from line number `from` on, default 0) or to come.
   * @throws Error with the last lines when it ends, or `timeoutMs` (default 5000) are over, before that
   */
  waitForLine(pattern: RegExp, timeoutMs?: number, from?: number): Promise<Found>
  /** All that it printed, as one text. */
  text(from?: 'stdout' | 'stderr'): string
  /** Sends a signal to it, or with `group` to all that it started too. */
  signal(signal: NodeJS.Signals, group?: boolean): void
  /** SIGTERM, then waits for its end; SIGKILL for its group after `timeoutMs` (default 15000). */
  stop(timeoutMs?: number): Promise<Exit>
}

export interface RunOptions {
  readonly name?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) killGroup(child, 'SIGKILL')
})

/** Starts `goms <args>` from the build. */
export function startGoms(args: readonly string[], options: RunOptions = {}): Running {
  return startProcess(process.execPath, [main, ...args], { name: args.join(' '), ...options })
}

/** Starts any command in a process group of its own, without standard input. */
export function startProcess(command: string, args: readonly string[], options: RunOptions = {}): Running {
  const name = options.name ?? command
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  running.add(child)
  const lines: Line[] = []
  const listeners = new Set<() => void>()
  let exit: Exit | undefined
  const tell = (): void => {
    for (const listener of [...listeners]) listener()
  }
  for (const from of ['stdout', 'stderr'] as const) {
    let rest = ''
    child[from].setEncoding('utf8')
    child[from].on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() as string
      for (const text of parts) lines.push({ atMs: Date.now(), from, text })
      tell()
    })
    child[from].on('end', () => {
      if (rest !== '') lines.push({ atMs: Date.now(), from, text: rest })
      tell()
    })
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => {
      lines.push({ atMs: Date.now(), from: 'stderr', text: String(error) })
      running.delete(child)
      exit = { code: null, signal: null }
      resolve(exit)
      tell()
    })
    child.once('close', (code, signal) => {
      running.delete(child)
      exit = { code, signal }
      resolve(exit)
      tell()
    })
  })
  const text = (from?: 'stdout' | 'stderr'): string =>
    lines.flatMap((line) => (from === undefined || line.from === from ? [line.text] : [])).join('\n')

  return {
    name,
    pid: child.pid ?? -1,
    lines,
    exited,
    text,
    waitForLine(pattern, timeoutMs = 5000, from = 0) {
      return new Promise((resolve, reject) => {
        let seen = from
        const finish = (then: () => void): void => {
          clearTimeout(timer)
          listeners.delete(look)
          then()
        }
        const give = (why: string): void =>
          finish(() => reject(new Error(`${name}: no line ${pattern} ${why}; its last lines:\n${tail(text())}`)))
        const look = (): void => {
          for (; seen < lines.length; seen++) {
            const line = lines[seen] as Line
            const match = line.text.match(pattern)
            if (match) {
              finish(() => resolve({ line, match }))
              return
            }
          }
          if (exit) give(`before its end (${exit.signal ?? `exit ${exit.code}`})`)
        }
        const timer = setTimeout(() => give(`within ${timeoutMs} ms`), timeoutMs)
        listeners.add(look)
        look()
      })
    },
    signal(signal, group = false) {
      if (group) killGroup(child, signal)
      else child.kill(signal)
    },
    async stop(timeoutMs = 15_000) {
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      const timer = setTimeout(() => killGroup(child, 'SIGKILL'), timeoutMs)
      const result = await exited
      clearTimeout(timer)
      return result
    },
  }
}

/** Kills everything that is still running. For `afterEach`. */
export async function killAll(): Promise<void> {
  const ends = [...running].map((child) => new Promise<void>((resolve) => child.once('close', () => resolve())))
  for (const child of running) killGroup(child, 'SIGKILL')
  await Promise.all(ends)
}

/**
 * A port that is free, for what must be known before it is started; below the range that the system gives to outgoing
 * connections, so that a load does not take it meanwhile. With `count`, that many in a row are free.
 */
export async function freePort(count = 1): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 10_240 + Math.floor(Math.random() * 22_000)
    const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at)))
    if (free.every(Boolean)) return first
  }
  throw new Error('freePort: no free port found (100 attempts)')
}

/** Whether a process could listen there now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
}

/** Ids of the processes of these that live; the dead that nobody has reaped do not count. */
export function living(pids: readonly number[]): number[] {
  return processTable().flatMap(({ pid }) => (pids.includes(pid) ? [pid] : []))
}

/** Ids of a process and of all that it started, and they started, and so on. */
export function familyOf(pid: number): number[] {
  const table = processTable()
  const family = [pid]
  for (const ancestor of family) {
    for (const it of table) if (it.parent === ancestor) family.push(it.pid)
  }
  return family
}

function processTable(): { readonly pid: number; readonly parent: number }[] {
  const rows = existsSync('/proc/self/stat')
    ? fromProc()
    : execFileSync('ps', ['-A', '-o', 'pid=,stat=,ppid=']).toString()
  return rows.split('\n').flatMap((row) => {
    const [pid, state, parent] = row.trim().split(/\s+/)
    return state === undefined || state.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent) }]
  })
}

/** As `ps` prints it, which small images do not have. */
function fromProc(): string {
  const rows = readdirSync('/proc').map((pid) => {
    try {
      // pid (name) state ppid …; the name may contain anything.
      return `${pid} ${
        readFileSync(`/proc/${Number(pid)}/stat`, 'utf8')
          .split(') ')
          .at(-1) as string
      }`
    } catch {
      return ''
    }
  })
  return rows.join('\n')
}

/** The environment without what belongs to goms, vitest or npm, so that a test begins the same everywhere. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(GOMS_|VITEST|NODE_ENV$|NODE_OPTIONS$|npm_)/.test(name),
  )
  return { ...Object.fromEntries(kept), NO_COLOR: '1' }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It has gone by itself.
  }
}

function tail(text: string): string {
  return text.split('\n').slice(-20).join('\n')
}
