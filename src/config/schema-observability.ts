/** The keys below `trace:`, `metrics:` and `elasticsearch:`. */
import * as v from 'valibot'
import { TRACE_FORMATS } from '../core/observability-options.ts'
import { block, choice, duration, integer, list, share, text, toggle } from './fields.ts'
import type { ElasticsearchFile, MetricsFile, TraceFile } from './shape.ts'

export const traceSchema: v.GenericSchema<TraceFile> = v.strictObject({
  sample: share({
    en: 'Share of the traces beginning here that are recorded, 0 to 1.',
    zh: '由本进程开始的链路中被记录的比例,0 到 1。',
    default: '1',
  }),
  routes: block(
    v.record(v.string(), v.pipe(v.number('a number from 0 to 1'), v.minValue(0), v.maxValue(1))),
    {
      en: 'The same for some: `{ user/login: 1, order: 0.1 }`, by service and action or by service.',
      zh: '按路由或服务单独设置比例:`{ user/login: 1, order: 0.1 }`。',
    },
    'shares from 0 to 1 by service or service/action',
  ),
  errors: toggle({
    en: 'Calls that fail are recorded in any case.',
    zh: '失败的调用总是被记录。',
    default: 'true',
  }),
  slow: duration(
    {
      en: 'Calls that take longer are recorded in any case; 0: none for that reason.',
      zh: '耗时超过该值的调用总是被记录,0 表示不因此记录。',
      default: '1000',
      aliases: ['slowMs'],
    },
    0,
    3_600_000,
  ),
  capture: choice(
    {
      en: 'Whether recorded calls keep the request: method, path, query, headers and up to 4 KiB of body, secrets taken out.',
      zh: '被记录的调用是否保留请求内容:方法、路径、参数、请求头与最多 4 KiB 请求体(敏感信息脱敏)。',
      default: 'off',
    },
    ['off', 'redacted'],
  ),
  redact: list({
    en: 'Names of further headers and fields that are secrets.',
    zh: '其他需要脱敏的请求头与字段名。',
    default: 'none',
  }),
  propagate: list(
    {
      en: 'Formats of the headers that carry a trace to nodes: `w3c`, `b3`, `b3-single`, `uber`. All are read.',
      zh: '向节点传递链路所用的请求头格式:`w3c`、`b3`、`b3-single`、`uber`;读取时四种都支持。',
      default: 'w3c, b3',
    },
    `a list of ${TRACE_FORMATS.join(', ')}`,
    TRACE_FORMATS,
  ),
  otlpAddr: text({
    en: 'Where spans go by OTLP over HTTP, `http://host:4318/v1/traces`.',
    zh: 'OTLP/HTTP 接收地址,`http://主机:4318/v1/traces`。',
  }),
})

export const metricsSchema: v.GenericSchema<MetricsFile> = v.strictObject({
  enabled: toggle({
    en: 'Whether `/metrics` is kept and answered on the admin listener.',
    zh: '是否在管理端口提供 `/metrics`。',
    default: 'true',
  }),
  maxSeries: integer(
    {
      en: 'Series of one process; further ones are dropped and counted.',
      zh: '单个进程的时间序列上限,超出的被丢弃并计数。',
      default: '10000',
    },
    100,
    1_000_000,
  ),
})

export const elasticsearchSchema: v.GenericSchema<ElasticsearchFile> = v.strictObject({
  logs: toggle({
    en: 'Whether log lines go to `esAddr`, index `logs-<date>`.',
    zh: '日志是否写入 `esAddr` 的索引 `logs-<日期>`。',
    default: 'true',
  }),
  traces: toggle({
    en: 'Whether spans go to `esAddr`, index `trace_logs-<date>`.',
    zh: '链路是否写入 `esAddr` 的索引 `trace_logs-<日期>`。',
    default: 'true',
  }),
})
