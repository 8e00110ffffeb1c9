-- Microseconds since 1970 by this server; doubles hold them exactly.
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
-- Lua writes large numbers with an exponent otherwise.
local function whole(n) return string.format('%.0f', n) end

-- Takes a response time into the last one and the average, which may be false.
local function measured(last, average, time)
  if time == '' then return last, average end
  if not average then return time, time end
  return time, string.format('%.17g', average + 0.2 * (time - average))
end

-- Takes an observation into a lease or reading, and into the reading of its
-- service. known are the fields f, l, v, c and h of the first.
local function observe(lease, service, at, known, status, reported, time)
  local failures, last, average = known[1], known[2], known[3]
  local reports, shown = known[4] or '0', known[5] or 'unknown'
  if status ~= '' then
    shown = status
    failures = status == 'critical' and whole((failures or 0) + 1) or '0'
    if reported == '1' then reports = whole(reports + 1) end
  end
  last, average = measured(last, average, time)
  local a = whole(at)
  redis.call('HSET', lease, 'a', a, 'f', failures or '0', 'c', reports, 'h', shown)
  if time ~= '' then redis.call('HSET', lease, 'l', last, 'v', average) end
  redis.call('HSET', service, 'a', a)
  if status ~= '' and reported == '1' then redis.call('HINCRBY', service, 'c', 1) end
  if time ~= '' then
    local l, v = measured(false, redis.call('HGET', service, 'v'), time)
    redis.call('HSET', service, 'l', l, 'v', v)
  end
end

-- Deletes a key that does not hold a value of that kind, and returns whether it did.
local function cleared(key, kind)
  local found = redis.call('TYPE', key).ok
  if found == 'none' or found == kind then return false end
  redis.call('DEL', key)
  return true
end
