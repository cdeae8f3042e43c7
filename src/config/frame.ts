/** Frames: the offending line of a file with a caret below it, as compilers show their mistakes. */

/** A text whose lines can be shown: a configuration file as it was read. */
export interface Source {
  /** Path as the person wrote it or as it is from where they stand. */
  readonly path: string
  readonly text: string
}

export interface Position {
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units as editors count. */
  readonly column: number
}

/** Columns of a line that are shown; of a longer one, the part around the mistake. */
const MAX_WIDTH = 120

/** Line and column of an offset; an offset past the end is the end. */
export function positionAt(source: Source, offset: number): Position {
  const at = Math.min(Math.max(0, offset), source.text.length)
  let line = 1
  let start = 0
  for (let i = source.text.indexOf('\n'); i !== -1 && i < at; i = source.text.indexOf('\n', i + 1)) {
    line++
    start = i + 1
  }
  return { line, column: at - start + 1 }
}

/** `configs/services.yml:8:26` */
export function placeOf(source: Source, offset: number): string {
  const { line, column } = positionAt(source, offset)
  return `${source.path}:${line}:${column}`
}

/**
 * The frame of `[start, end)`: place, line, caret and label. Without colours; a mistake over several lines is shown
 * by its first. Wide letters (CJK) count two columns, tabs stay tabs, so that the caret stands where it should.
 */
export function frameOf(source: Source, start: number, end: number, label = ''): string {
  const { line, column } = positionAt(source, start)
  const from = start - (column - 1)
  const lineEnd = endOfLine(source.text, from)
  const whole = source.text.slice(from, lineEnd)
  const markEnd = Math.max(start + 1, Math.min(end, lineEnd))
  const { text, cut } = window(whole, column - 1)
  const before = text.slice(0, column - 1 - cut)
  const marked = text.slice(column - 1 - cut, markEnd - from - cut)
  const number = String(line)
  const gutter = ' '.repeat(number.length + 1)
  const carets = '^'.repeat(Math.max(1, widthOf(marked)))
  return [
    `${gutter}--> ${source.path}:${line}:${column}`,
    `${gutter} |`,
    ` ${number} | ${text}`,
    `${gutter} | ${blank(before)}${carets}${label === '' ? '' : ` ${label}`}`,
    `${gutter} |`,
  ].join('\n')
}

function endOfLine(text: string, from: number): number {
  const newline = text.indexOf('\n', from)
  const end = newline === -1 ? text.length : newline
  return text[end - 1] === '\r' && end > from ? end - 1 : end
}

/** Cuts a long line around `at`, and says how many units were cut from its left. */
function window(line: string, at: number): { text: string; cut: number } {
  // Control characters would move the cursor of the terminal that shows the frame.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const clean = masked(line).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
  if (clean.length <= MAX_WIDTH) return { text: clean, cut: 0 }
  const cut = Math.max(0, Math.min(at - MAX_WIDTH / 2, clean.length - MAX_WIDTH))
  return { text: clean.slice(cut, cut + MAX_WIDTH), cut }
}

/** Secrets as stars of the same length: frames end up in logs and tickets. */
export function masked(text: string): string {
  return text
    .replace(
      /(:\/\/[^\s:@/]*:)([^\s@]+)(?=@)/g,
      (_, before: string, secret: string) => before + '*'.repeat(secret.length),
    )
    .replace(
      /((?:password|callServiceKey|callKey)["']?\s*:\s*)([^\s,}#][^,}#]*?)(?=\s*(?:[,}#]|$))/gi,
      (_, before: string, secret: string) => before + '*'.repeat(secret.length),
    )
}

/** Spaces as wide as the text; its tabs stay, since nobody knows how wide they are shown. */
function blank(text: string): string {
  let out = ''
  for (const letter of text) out += letter === '\t' ? '\t' : ' '.repeat(widthOf(letter))
  return out
}

/** Columns on a terminal: 2 for East Asian wide letters and emoji, 0 for combining marks. */
function widthOf(text: string): number {
  let width = 0
  for (const letter of text) {
    if (/\p{Mark}/u.test(letter)) continue
    width += WIDE.test(letter) ? 2 : 1
  }
  return width
}

/** https://www.unicode.org/reports/tr11/: the blocks that matter in practice. */
const WIDE: RegExp =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
