/** Texts of others on a terminal: nothing in them commands it, and columns stay columns with wide characters too. */

const SEGMENTER = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** What a terminal obeys, turns round, or does not show: controls, format characters, separators of lines, half pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu
/** Joins emoji to one; harmless. */
const JOINER = '\u200d'
/** Two columns each: East Asian Width W and F of https://www.unicode.org/reports/tr11/, in whole blocks. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|^\p{Emoji_Presentation}|\ufe0f/u
const NO_COLUMN = /^[\p{M}\u200d]/u

/** The text in one line, with what could command a terminal written out: `\n`, `\u001b`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (it) => (it === JOINER ? it : escapeOf(it)))
}

function escapeOf(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\t') return '\\t'
  if (character === '\r') return '\\r'
  const code = character.codePointAt(0) as number
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** How many columns a text takes on a terminal. */
export function columnsOf(text: string): number {
  // Most are plain.
  if (/^[ -~]*$/.test(text)) return text.length
  let columns = 0
  for (const { segment } of SEGMENTER.segment(text)) columns += columnsOfOne(segment)
  return columns
}

function columnsOfOne(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2
  return NO_COLUMN.test(grapheme) ? 0 : 1
}

/** The text in exactly so many columns: filled up with blanks, or cut with `…` at its end. */
export function fitted(text: string, columns: number): string {
  const clipped = clip(text, columns)
  return clipped + ' '.repeat(columns - columnsOf(clipped))
}

/** The text in at most so many columns. */
export function clip(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text
  if (columns <= 0) return ''
  let kept = ''
  let used = 0
  for (const { segment } of SEGMENTER.segment(text)) {
    used += columnsOfOne(segment)
    if (used > columns - 1) break
    kept += segment
  }
  return `${kept}…`
}
