import { describe, expect, it } from 'vitest'
import { Fields } from './fields.ts'
import { isEventStream, outcomeOf } from './outcome.ts'

describe('what an answer says about an attempt', () => {
  it.each([
    [200, [], { stage: 'answered', status: 200 }],
    [500, ['retry-after', '3'], { stage: 'answered', status: 500 }],
    [200, ['Content-Type', 'text/event-stream; charset=utf-8'], { stage: 'answered', status: 200, session: true }],
    [503, [], { stage: 'busy', status: 503 }],
    [429, ['Retry-After', '3'], { stage: 'busy', status: 429, retryAfterMs: 3000 }],
    [503, ['Goms-Refused', 'draining'], { stage: 'refused', status: 503, refusal: 'draining' }],
    [501, ['goms-refused', 'unimplemented'], { stage: 'refused', status: 501, refusal: 'unimplemented' }],
    [503, ['goms-refused', 'nonsense'], { stage: 'busy', status: 503 }],
    [404, ['goms-refused', 'nonsense'], { stage: 'answered', status: 404 }],
  ])('%s with %j is %j', (status, list, outcome) => {
    expect(outcomeOf(status, Fields.of(list), { wallMs: () => 0 })).toEqual(outcome)
  })

  it('knows event streams', () => {
    expect(isEventStream(Fields.of(['content-type', 'TEXT/event-stream']))).toBe(true)
    expect(isEventStream(Fields.of(['content-type', 'text/event-streams']))).toBe(false)
    expect(isEventStream(Fields.NONE)).toBe(false)
  })
})
