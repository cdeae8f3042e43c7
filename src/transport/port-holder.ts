/** Who holds a TCP port of this machine, as far as /proc tells: for the message of GOMS_PORT_IN_USE. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** `node (pid 4711)`, or undefined where it cannot be told: another user's process, another container, not Linux. */
export function portHolder(port: number): string | undefined {
  try {
    const inodes = listeningInodes(port)
    if (inodes.size === 0) return undefined
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid) || !holdsOne(pid, inodes)) continue
      return `${readFileSync(`/proc/${pid}/comm`, 'utf8')
        .trim()
        .replace(/[^\x20-\x7e]/g, '?')} (pid ${pid})`
    }
  } catch {
    // Not Linux, or not ours to see.
  }
  return undefined
}

/** Inodes of sockets that listen on the port. Source: https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt */
function listeningInodes(port: number): Set<string> {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const out = new Set<string>()
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch {
      continue
    }
    for (const line of text.split('\n')) {
      const fields = line.trim().split(/\s+/)
      if (fields[1]?.endsWith(hex) && fields[3] === '0A' && fields[9]) out.add(fields[9])
    }
  }
  return out
}

function holdsOne(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
        return inode !== undefined && inodes.has(inode)
      } catch {
        return false
      }
    })
  } catch {
    return false
  }
}
