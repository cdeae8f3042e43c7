/** Counts of what happened in windows of time: what a limit is held to. */

/** The counts of windows of that length side by side, from the first to the last of `lengthMs`. */
export function countsByWindow(timesMs: readonly number[], windowMs: number, lengthMs: number): readonly number[] {
  const counts = Array.from({ length: Math.ceil(lengthMs / windowMs) }, () => 0)
  for (const at of timesMs) {
    const index = Math.floor(at / windowMs)
    if (index >= 0 && index < counts.length) counts[index] = (counts[index] as number) + 1
  }
  return counts
}

/** The most that any window had, wherever it begins. */
export function mostInAnyWindow(timesMs: readonly number[], windowMs: number): number {
  const sorted = [...timesMs].sort((a, b) => a - b)
  let first = 0
  let most = 0
  for (let last = 0; last < sorted.length; last++) {
    while ((sorted[last] as number) - (sorted[first] as number) >= windowMs) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

/** The value that so large a part of all is below. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
