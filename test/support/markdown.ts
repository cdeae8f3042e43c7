/** Reads the project's Markdown as far as its tests need: headings, code blocks, tables, links. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export const root: string = join(import.meta.dirname, '..', '..')

export interface Block {
  readonly language: string
  readonly text: string
  /** What the HTML comment on the line before says: `run`, `excerpt: <file>`. */
  readonly mark: string | undefined
  /** Line of its opening fence, from 1. */
  readonly line: number
}

export interface Page {
  /** Relative to the root of the project. */
  readonly file: string
  readonly blocks: readonly Block[]
  /** Without code blocks. */
  readonly prose: string
  /** As they stand, `## Title`. */
  readonly headings: readonly string[]
}

export function readPage(file: string): Page {
  const blocks: Block[] = []
  const prose: string[] = []
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string
    const fence = /^```(\w*)$/.exec(line)
    if (fence === null) {
      prose.push(line)
      continue
    }
    const end = lines.indexOf('```', at + 1)
    if (end < 0) throw new Error(`${file}:${at + 1}: a code block that does not end`)
    const mark = /^<!-- (.*) -->$/.exec(lines[at - 1] ?? '')?.[1]
    const text = `${lines.slice(at + 1, end).join('\n')}\n`
    blocks.push({ language: fence[1] ?? '', text, mark, line: at + 1 })
    at = end
  }
  return { file, blocks, prose: prose.join('\n'), headings: prose.filter((line) => /^#+ /.test(line)) }
}

/** Every page of the project. */
export function allPages(): Page[] {
  const top = readdirSync(root).filter((name) => name.endsWith('.md'))
  const below = readdirSync(join(root, 'docs'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  return [...top, ...below].sort().map(readPage)
}

/** Targets of links and images, code left out. */
export function linksOf(page: Page): string[] {
  const text = page.prose.replace(/`[^`]*`/g, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string)
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(page: Page): string[] {
  return page.headings.map((heading) =>
    heading
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** The cells of the rows below a comment `<!-- mark -->`, without head and ruler. */
export function rowsUnder(page: Page, mark: string): string[][] {
  const after = page.prose.split(`<!-- ${mark} -->\n`)[1] ?? ''
  const rows: string[][] = []
  for (const line of after.split('\n')) {
    if (!line.startsWith('|')) break
    rows.push(
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
  }
  return rows.slice(2)
}
