/** The field that says when an answer was made: every answer has one, the node's own or ours. RFC 9110 §6.6.1 */

let second = -1
let line = ''

/** `date: …` with its line break; made once a second. */
export function dateLine(wallMs: number): string {
  const now = Math.floor(wallMs / 1000)
  if (now !== second) {
    second = now
    line = `date: ${new Date(now * 1000).toUTCString()}\r\n`
  }
  return line
}
