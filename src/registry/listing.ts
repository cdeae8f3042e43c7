/** What a registry holds of a project, read at one revision, with the epoch that shows whether it started over. */
import { randomUUID } from 'node:crypto'
import type { KeyValue, Kv, TxnResult } from './kv.ts'
import { nodePrefix, ownKeys, ownPrefix } from './node-key.ts'

export interface Listing {
  readonly revision: bigint
  readonly kvs: readonly KeyValue[]
  /** Value and create revision: both differ in a registry that started over. */
  readonly epoch: string
}

/** Both prefixes of a project; what belongs to nodes (states, contracts) comes before the nodes. */
export function prefixesOf(project: string): readonly string[] {
  return [ownPrefix(project), nodePrefix(project)]
}

/**
 * Reads in one transaction what is below both prefixes, and creates the epoch where there is none. Earlier routes are left
 * out: they may be megabytes, and every process lists every ten seconds.
 */
export async function readListing(kv: Kv, project: string): Promise<Listing> {
  const { epoch, states, contracts, routes } = ownKeys(project)
  const ranges = () =>
    kv.txn(
      [],
      [
        ...[epoch, routes].map((key) => ({ range: { key } })),
        ...[states, contracts, nodePrefix(project)].map((key) => ({ range: { key, prefix: true } })),
      ],
    )
  const epochOf = (result: TxnResult) => result.ranges[0]?.find((one) => one.key === epoch)
  let result = await ranges()
  if (!epochOf(result)) {
    // Whoever comes first; all read the same one afterwards.
    await kv.txn([{ key: epoch, createRevision: 0n }], [{ put: { key: epoch, value: randomUUID() } }])
    result = await ranges()
  }
  const held = epochOf(result)
  return { revision: result.revision, kvs: result.ranges.flat(), epoch: `${held?.value}@${held?.createRevision}` }
}
