/** What the system has counted for processes: CPU time and memory, from /proc (Linux). */
import { readdirSync, readFileSync } from 'node:fs'

function statOf(pid) {
  // The name before the last `) ` may hold anything.
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(') ') + 2).split(' ')
}

/** User and system time of a process and its threads, in microseconds (proc_pid_stat(5); a tick is 10 ms). */
export function cpuUs(pid) {
  const fields = statOf(pid)
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** A process and all that it has started, as they are now. */
export function processTree(root) {
  const children = new Map()
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue
    try {
      const parent = Number(statOf(name)[1])
      children.set(parent, [...(children.get(parent) ?? []), Number(name)])
    } catch {
      // It has ended meanwhile.
    }
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

/** CPU time of all of them, in microseconds. */
export const treeCpuUs = (pids) => pids.reduce((sum, pid) => sum + cpuUs(pid), 0)

/** Memory of all of them that is in RAM, in KiB. */
export function treeRssKiB(pids) {
  return pids.reduce(
    (sum, pid) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]),
    0,
  )
}
