/** What a schema finds wrong, as callers and logs are told. */
import type { StandardIssue } from './standard-schema.ts'

/** Of an input with a thousand mistakes the first are told. */
const MAX_ISSUES = 20

/** What is wrong, and where: the `data` of INVALID_ARGUMENT. */
export interface Issue {
  /** `input.lines[0].count` */
  readonly path: string
  readonly message: string
}

export function toIssues(root: string, issues: readonly StandardIssue[]): Issue[] {
  return issues.slice(0, MAX_ISSUES).map(({ path, message }) => ({ path: pathOf(root, path), message }))
}

function pathOf(root: string, path: StandardIssue['path']): string {
  let text = root
  for (const part of path ?? []) {
    const key = typeof part === 'object' ? part.key : part
    text += typeof key === 'number' ? `[${key}]` : `.${String(key)}`
  }
  return text
}

export function describeIssues(issues: readonly Issue[]): string {
  const [first] = issues
  const text = first === undefined ? 'it was refused without a reason' : `${first.path}: ${first.message}`
  return issues.length > 1 ? `${text} (and ${issues.length - 1} more)` : text
}
