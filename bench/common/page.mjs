/** The one page of all benchmarks: each command writes its own part, and keeps what the others wrote. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const PARTS = ['gateway', 'seeing', 'rpc', 'events']
const COMMANDS = { gateway: 'gateway', seeing: 'gateway --seeing', rpc: 'rpc', events: 'events' }
const HEAD = `# Benchmarks

Written by ${PARTS.map((part) => `\`npm run bench -- ${COMMANDS[part]}\``).join(', ')}, each its own part; do not edit. How it is measured stands at the end of
each.
`

/** Puts `text` in the place of what the page holds between the marks of `part`. */
export function writePart(file, part, text) {
  const page = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const parts = PARTS.map((name) => {
    const begin = `<!-- bench: ${name} -->`
    const end = `<!-- end of bench: ${name} -->`
    const held = page.includes(begin) ? page.slice(page.indexOf(begin) + begin.length, page.indexOf(end)) : ''
    const body = name === part ? text : held
    return body.trim() === '' ? '' : `\n${begin}\n\n${body.trim()}\n\n${end}\n`
  })
  writeFileSync(file, HEAD + parts.join(''))
}
