/** The limiter of a route: a rate, or a block of keys. */
import * as v from 'valibot'
import { MAX_LIMIT_CALLS, MAX_LIMIT_MS, MAX_LIMIT_WAIT_MS } from '../core/limit.ts'
import { block, choice, duration, type FieldDoc, integer, isRate, toggle } from './fields.ts'
import type { LimiterFile } from './shape.ts'

const limiterSchema: v.GenericSchema<LimiterFile> = v.strictObject({
  calls: v.nonOptional(
    integer({ en: 'At most so many …', zh: '最多这么多次……' }, 1, MAX_LIMIT_CALLS),
    `an integer from 1 to ${MAX_LIMIT_CALLS}`,
  ),
  per: v.nonOptional(
    duration(
      { en: '… in any window of so many milliseconds.', zh: '……(任意这么多毫秒之内)。', aliases: ['perMs'] },
      1,
      MAX_LIMIT_MS,
    ),
    `milliseconds from 1 to ${MAX_LIMIT_MS}`,
  ),
  shared: toggle({
    en: 'Counted in Redis (`redisAddr`): one number for the whole project, one token a call, taken before a node is picked.',
    zh: '在 Redis(`redisAddr`)中计数:整个项目共用一个数,每次调用计一次,在选择节点之前。',
    default: 'false',
  }),
  onError: choice(
    {
      en: 'Shared only: what becomes of a call while Redis cannot be asked. It is let through, or refused with 503.',
      zh: '仅用于共享限流:无法询问 Redis 时放行(open),或以 503 拒绝(closed)。',
      default: 'open',
    },
    ['open', 'closed'],
  ),
  timeout: duration(
    {
      en: 'Shared only: how long a call waits for Redis.',
      zh: '仅用于共享限流:一次调用等待 Redis 的时间。',
      default: '50',
      aliases: ['timeoutMs'],
    },
    1,
    MAX_LIMIT_WAIT_MS,
  ),
})

/** A rate, or a block that says more of it. */
export function limiter(doc: FieldDoc): v.OptionalSchema<v.GenericSchema<string | LimiterFile>, undefined> {
  const written = 'seconds/count such as 5/100'
  const expected = `${written}, or a block with calls and per`
  const help =
    '5/100 means 100 in any 5 seconds at each node; { calls: 100, per: 5000, shared: true } in the whole project'
  const text = v.pipe(v.string(expected), v.check(isRate, expected))
  return block(v.union([text, limiterSchema], expected), { help, ...doc }, expected)
}
