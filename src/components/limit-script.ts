/**
 * The count of a limit that a project shares, as Redis keeps it: a window that slides, by Redis' own clock.
 *
 * A list under one key has an entry for each grain of time in which calls were let through, oldest first: `<until> <count>
 * <before>`, where `until` is the end of the grain in µs since 1970, and `before` the sum of all counts before it, which is
 * kept right in the newest entry alone. An entry counts until a whole window after its end, so no window has more than `calls`,
 * wherever it begins; as the grain is a 256th of the window, a limit that is used up lets at most that much less through. So a
 * key has 258 entries at most, and is gone a second after its last entry is over.
 */
import type { Rate } from '../core/options.ts'
import { type RedisScript, redisScript } from './redis-script.ts'

const GRAINS = 256

/** Answers 0: taken; else the milliseconds until the oldest entry is over. A clock that went back by a window begins anew. */
export const LIMIT_SCRIPT: RedisScript = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local key = KEYS[1]
local calls, window, grain = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function read(entry)
  local till, count, before = string.match(entry, '(%d+) (%d+) (%d+)')
  return tonumber(till), tonumber(count), tonumber(before)
end
local function entry(till, count, before)
  return string.format('%.0f %.0f %.0f', till, count, before)
end

local till, count, before = 0, 0, 0
local newest = redis.call('LINDEX', key, -1)
if newest then
  till, count, before = read(newest)
  if till + window <= now or till - now > window + grain then
    redis.call('DEL', key)
    till, count, before = 0, 0, 0
  end
end

local oldest
if count > 0 and (before + count >= calls or till <= now) then
  local dropped = 0
  while true do
    local first, n = read(redis.call('LINDEX', key, 0))
    oldest = first
    if first + window > now then break end
    redis.call('LPOP', key)
    dropped = dropped + n
  end
  if dropped > 0 then
    before = before - dropped
    redis.call('LSET', key, -1, entry(till, count, before))
  end
end

if before + count >= calls then return math.max(1, math.ceil((oldest + window - now) / 1000)) end
if now < till then
  redis.call('LSET', key, -1, entry(till, count + 1, before))
else
  redis.call('RPUSH', key, entry((math.floor(now / grain) + 1) * grain, 1, before + count))
  redis.call('PEXPIRE', key, math.ceil((window + grain) / 1000) + 1000)
end
return 0
`)

/** What the script is called with: one key, and the limit. */
export function limitArguments(key: string, { calls, perMs }: Rate): readonly string[] {
  const windowMicros = Math.round(perMs * 1000)
  return ['1', key, String(calls), String(windowMicros), String(Math.ceil(windowMicros / GRAINS))]
}

/** In a cluster a route is counted on one node of it, and routes are spread over all. */
export function limitKey(project: string, service: string, action: string): string {
  return `goms:${project}:limit:{${service}:${action}}`
}
