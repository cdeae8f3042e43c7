/** A trace of Zipkin as a tree on one axis of time: whatever the spans say of their parents and clocks, each is shown once. */

/** A span, with what a person asks about it. Times are milliseconds. */
export interface TraceSpan {
  readonly id: string
  readonly parentId: string | undefined
  readonly kind: string | undefined
  readonly service: string
  readonly name: string
  /** `host:port` of its own node. */
  readonly at: string | undefined
  /** `host:port` of the one it called, or its service. */
  readonly to: string | undefined
  /** Since 1970; undefined: not told. */
  readonly startedMs: number | undefined
  readonly durationMs: number | undefined
  readonly attempt: number
  /** Why it failed. */
  readonly error: string | undefined
  readonly tags: readonly (readonly [string, string])[]
  /** One id for both sides of a call, as old B3 has it. */
  readonly isShared: boolean
}

export interface TraceRow {
  readonly span: TraceSpan
  readonly depth: number
  /** For each level down to its own whether a sibling comes later; of a deep one the last 32 levels. */
  readonly continued: readonly boolean[]
  /** From the begin of the trace, by the clock of its caller. */
  readonly startMs: number
  readonly endMs: number
}

export interface TraceTree {
  /** In the order of a tree: a span, then what is below it. */
  readonly rows: readonly TraceRow[]
  readonly startedMs: number | undefined
  readonly durationMs: number
  /** Spans whose parent is not here; one alone at the top is below a caller outside. */
  readonly orphans: number
  readonly roots: number
  /** Nodes whose clocks differ from their callers', with the milliseconds by which their spans were moved. */
  readonly skews: ReadonlyMap<string, number>
}

interface Entry {
  readonly span: TraceSpan
  readonly children: Entry[]
  parent: Entry | undefined
  /** What its clock is corrected by; its children inherit it. */
  shiftMs: number
  startMs: number
}

const MOST_LEVELS = 32
/** Clocks of one machine differ by less. */
const LEAST_SKEW_MS = 1

/** @param spans as Zipkin tells them; what is no span is left out */
export function toTraceTree(spans: readonly unknown[]): TraceTree {
  const entries = unique(spans).map(
    (span): Entry => ({ span, children: [], parent: undefined, shiftMs: 0, startMs: 0 }),
  )
  const roots = link(entries)
  const skews = new Map<string, number>()
  const firstMs = entries.reduce(
    (least, { span }) => Math.min(least, span.startedMs ?? least),
    Number.POSITIVE_INFINITY,
  )
  const ordered: Entry[] = []
  const rows: { entry: Entry; depth: number; continued: readonly boolean[] }[] = []
  const waiting = sorted(roots)
    .map((entry, n) => ({ entry, depth: 0, continued: [n < roots.length - 1] }))
    .reverse()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { entry, depth, continued } = next
    place(entry, Number.isFinite(firstMs) ? firstMs : 0, skews)
    ordered.push(entry)
    rows.push(next)
    const children = sorted(entry.children)
    for (let n = children.length - 1; n >= 0; n--) {
      const levels = [...continued.slice(1 - MOST_LEVELS), n < children.length - 1]
      waiting.push({ entry: children[n] as Entry, depth: depth + 1, continued: levels })
    }
  }
  const beginMs = ordered.reduce((least, { startMs }) => Math.min(least, startMs), ordered[0]?.startMs ?? 0)
  const endMs = ordered.reduce((most, entry) => Math.max(most, endOf(entry)), beginMs)
  return {
    rows: rows.map(({ entry, depth, continued }) => ({
      span: entry.span,
      depth,
      continued,
      startMs: entry.startMs - beginMs,
      endMs: endOf(entry) - beginMs,
    })),
    startedMs: Number.isFinite(firstMs) ? firstMs + beginMs : undefined,
    durationMs: ordered.length === 0 ? 0 : endMs - beginMs,
    orphans: roots.filter(({ span }) => span.parentId !== undefined).length,
    roots: roots.length,
    skews,
  }
}

/** Gives each its parent; returns those at the top. */
function link(entries: readonly Entry[]): Entry[] {
  const byId = new Map<string, Entry[]>()
  for (const entry of entries) {
    const same = byId.get(entry.span.id)
    if (same === undefined) byId.set(entry.span.id, [entry])
    else if (entry.span.isShared) same.push(entry)
    else same.unshift(entry)
  }
  for (const entry of entries) {
    const { id, parentId, isShared, service } = entry.span
    const [owner] = byId.get(id) ?? []
    if (isShared && owner !== entry) entry.parent = owner
    else if (parentId !== undefined && parentId !== id) {
      const above = byId.get(parentId)
      // What a service did is below its own side of a shared id.
      entry.parent = above?.findLast((it) => it.span.service === service) ?? above?.at(-1)
    }
  }
  const safe = new Set<Entry>()
  for (const entry of entries) cutLoop(entry, safe)
  for (const entry of entries) entry.parent?.children.push(entry)
  return entries.filter(({ parent }) => parent === undefined)
}

/** Spans that are each other's parents: the one that began first is at the top. `safe`: those that lead to the top. */
function cutLoop(entry: Entry, safe: Set<Entry>): void {
  const path = new Set<Entry>()
  let at: Entry | undefined = entry
  while (at !== undefined && !path.has(at) && !safe.has(at)) {
    path.add(at)
    at = at.parent
  }
  for (const it of path) safe.add(it)
  if (at === undefined || !path.has(at)) return
  // What was passed on the way into the loop is no part of it.
  const passed = [...path]
  const [first] = sorted(passed.slice(passed.indexOf(at)))
  if (first !== undefined) first.parent = undefined
}

/** Its begin after `firstMs`, moved where it would begin before the call that caused it. Its parent has been placed. */
function place(entry: Entry, firstMs: number, skews: Map<string, number>): void {
  const { span, parent } = entry
  entry.shiftMs = parent?.shiftMs ?? 0
  if (span.startedMs === undefined) {
    entry.startMs = parent?.startMs ?? 0
    return
  }
  entry.startMs = span.startedMs - firstMs + entry.shiftMs
  if (parent === undefined || parent.span.startedMs === undefined) return
  const isElsewhere = span.service !== parent.span.service || span.at !== parent.span.at
  if (!isElsewhere) return
  const spareMs = endOf(parent) - parent.startMs - (span.durationMs ?? 0)
  const isBefore = entry.startMs < parent.startMs
  const isAfter = entry.startMs > endOf(parent) && spareMs >= 0
  if (!isBefore && !isAfter) return
  // There and back took equally long, as far as anyone knows.
  const moveMs = parent.startMs + Math.max(0, spareMs) / 2 - entry.startMs
  if (isAfter && moveMs > -LEAST_SKEW_MS) return
  entry.startMs += moveMs
  entry.shiftMs += moveMs
  const node = span.at === undefined ? span.service : `${span.service} ${span.at}`
  if (Math.abs(moveMs) >= LEAST_SKEW_MS && !skews.has(node)) skews.set(node, moveMs)
}

function endOf({ startMs, span }: Entry): number {
  return startMs + (span.durationMs ?? 0)
}

/** By begin; attempts that began at one moment by their number. */
function sorted(entries: readonly Entry[]): Entry[] {
  const startOf = ({ span }: Entry): number => span.startedMs ?? Number.NEGATIVE_INFINITY
  return [...entries].sort((a, b) => {
    if (startOf(a) !== startOf(b)) return startOf(a) < startOf(b) ? -1 : 1
    return a.span.attempt - b.span.attempt || (a.span.id < b.span.id ? -1 : 1)
  })
}

/** A span that was sent twice is one: what either tells counts. */
function unique(spans: readonly unknown[]): TraceSpan[] {
  const found = new Map<string, TraceSpan>()
  for (const it of spans) {
    const span = toSpan(it)
    if (span === undefined) continue
    const key = JSON.stringify([span.id, span.kind, span.service, span.isShared])
    const first = found.get(key)
    found.set(key, first === undefined ? span : merged(first, span))
  }
  return [...found.values()]
}

function merged(one: TraceSpan, other: TraceSpan): TraceSpan {
  const given = Object.fromEntries(Object.entries(other).filter(([, value]) => value !== undefined))
  const tags = [...new Map([...one.tags, ...other.tags])]
  return { ...one, ...(given as Partial<TraceSpan>), name: one.name || other.name, tags }
}

function toSpan(given: unknown): TraceSpan | undefined {
  const it = recordOf(given)
  const id = textOf(it.id)
  if (id === undefined) return undefined
  const tags = Object.entries(recordOf(it.tags)).map(([name, value]) => [name, String(value)] as const)
  const tagOf = (name: string): string | undefined => tags.find(([key]) => key === name)?.[1]
  const local = recordOf(it.localEndpoint)
  const remote = recordOf(it.remoteEndpoint)
  const message = tagOf('error')
  const code = tagOf('error.code')
  return {
    id,
    parentId: textOf(it.parentId),
    kind: textOf(it.kind),
    service: textOf(local.serviceName) ?? '?',
    name: textOf(it.name) ?? '',
    at: addressOf(local),
    to: addressOf(remote) ?? textOf(remote.serviceName),
    startedMs: millisecondsOf(it.timestamp),
    durationMs: millisecondsOf(it.duration),
    attempt: Number(tagOf('goms.attempt') ?? tagOf('goms.delivery') ?? 1) || 0,
    error: message === undefined ? undefined : code === undefined || code === message ? message : `${code}: ${message}`,
    tags,
    isShared: it.shared === true,
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Zipkin counts microseconds. */
function millisecondsOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value / 1000 : undefined
}

function addressOf({ ipv4, ipv6, port }: Readonly<Record<string, unknown>>): string | undefined {
  const host = textOf(ipv4) ?? (textOf(ipv6) === undefined ? undefined : `[${ipv6}]`)
  if (host === undefined) return undefined
  return typeof port === 'number' ? `${host}:${port}` : host
}
