/** Where lines and spans go when `esAddr` is set: loaded only then, and told apart by `elasticsearch.logs` and `.traces`. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import type { ElasticsearchSink } from '../telemetry/elasticsearch.ts'

/** @throws GomsError GOMS_CONFIG_INVALID for an address that is none */
export async function openElasticsearch(
  { esAddr, elasticsearch: { logs, traces } }: Settings,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<ElasticsearchSink | undefined> {
  if (esAddr === undefined || !(logs || traces)) return undefined
  const { createElasticsearchSink } = await import('../telemetry/elasticsearch.ts')
  return createElasticsearchSink(esAddr, deps)
}
