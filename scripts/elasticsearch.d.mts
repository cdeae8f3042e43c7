/** Types of elasticsearch.mjs for the tests. */
export declare const ELASTICSEARCH_ARGS: readonly string[]
export declare function hasElasticsearch(): boolean
export declare function fetchElasticsearch(): number
