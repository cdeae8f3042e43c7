/** `goms/elasticsearch`: the public names. */
export { BulkError, type BulkFailure, type BulkOptions } from './elasticsearch-bulk-writer.ts'
export { type Elasticsearch, type ElasticsearchComponentOptions, elasticsearch } from './elasticsearch-component.ts'
