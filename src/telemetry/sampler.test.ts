import { expect, it } from 'vitest'
import { createSampler, decided } from './sampler.ts'
import { newTrace } from './trace-context.ts'
import { createTraceIds } from './trace-ids.ts'
import { toTraceWords } from './trace-words.ts'

const ids = createTraceIds(new Uint8Array(16).fill(3))
const traces = Array.from({ length: 20_000 }, () => ({ ...newTrace(), traceId: ids.traceId() }))

it.each([0, 0.01, 0.25, 0.5, 1])('draws a share of %f of the traces', (sample) => {
  const sampler = createSampler({ sample, routes: {} })
  const drawn = traces.filter(({ traceId }) => sampler.drawOf(traceId, 'user', 'login')).length / traces.length
  // Five times what is usual to be off.
  expect(Math.abs(drawn - sample)).toBeLessThanOrEqual(5 * Math.sqrt((sample * (1 - sample)) / traces.length))
})

it('decides alike whoever asks, by text or by numbers, with 128 bits or with 64', () => {
  const sampler = createSampler({ sample: 0.5, routes: {} })
  for (const trace of traces.slice(0, 1000)) {
    const short = { ...trace, traceId: trace.traceId.slice(16) }
    const drawn = sampler.drawOf(trace.traceId, '', '')
    expect(sampler.draw(toTraceWords(trace), '', '')).toBe(drawn)
    expect(sampler.drawOf(short.traceId, '', '')).toBe(drawn)
    expect(sampler.draw(toTraceWords(short), '', '')).toBe(drawn)
  }
})

it('what is drawn at a small share is drawn at a larger one too, so that a trace is cut nowhere further down', () => {
  const few = createSampler({ sample: 0.1, routes: {} })
  const many = createSampler({ sample: 0.3, routes: {} })
  const drawn = traces.filter(({ traceId }) => few.drawOf(traceId, '', ''))
  expect(drawn.length).toBeGreaterThan(0)
  for (const { traceId } of drawn) expect(many.drawOf(traceId, '', '')).toBe(true)
})

it('goes by the action before the service, before all', () => {
  const sampler = createSampler({ sample: 0, routes: { user: 1, 'user/login': 0, 'order/submit': 1 } })
  const id = newTrace().traceId
  const draw = (service: string, action: string): boolean => sampler.drawOf(id, service, action)
  expect([draw('user', 'login'), draw('user', 'logout'), draw('user', '')]).toEqual([false, true, true])
  expect([draw('order', 'submit'), draw('order', 'list'), draw('stock', 'take')]).toEqual([true, false, false])
  expect([draw('constructor', 'x'), draw('user', 'constructor')]).toEqual([false, true])
  sampler.update({ sample: 1, routes: {} })
  expect(draw('user', 'login')).toBe(true)
})

it('believes a decision only where it may', () => {
  const sampler = createSampler({ sample: 0, routes: {} })
  const sent = newTrace(true)
  expect(decided(sent, sampler, true, '', '')).toBe(sent)
  expect(decided(sent, sampler, false, '', '')).toEqual({ ...sent, sampled: false })
  expect(decided(newTrace(), sampler, true, '', '').sampled).toBe(false)
  // Nothing is recorded: passed on as it came.
  expect(decided(sent, undefined, false, '', '')).toBe(sent)
})
