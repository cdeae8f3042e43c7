/** "Did you mean …?": the nearest known word to a mistyped one, or none when nothing is near. */

/** Longer words are not compared: nobody mistypes sixty letters, and the comparison is quadratic. */
const MAX_LENGTH = 60

/**
 * The candidate that `word` was probably meant to be: same letters in another case, or at most a third of its letters
 * wrong (one in a word of three, two in a word of six, three at most). Ties go to the first candidate.
 */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length === 0 || word.length > MAX_LENGTH) return undefined
  const plain = bare(word)
  const allowed = Math.min(3, Math.max(1, Math.floor(word.length / 3)))
  let best: string | undefined
  let bestDistance = allowed + 1
  for (const candidate of candidates) {
    const other = bare(candidate)
    if (other === plain) return candidate
    if (Math.abs(other.length - plain.length) >= bestDistance) continue
    const distance = editDistance(plain, other)
    // A distance as long as the word itself would turn anything into anything ("x" into "y").
    if (distance < bestDistance && distance < Math.max(plain.length, other.length)) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function bare(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, '')
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours count one each. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last: number[] = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      row.push(least)
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}
