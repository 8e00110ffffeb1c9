-- Microseconds since 1970 by this server; doubles hold them exactly.
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
-- Lua writes large numbers with an exponent otherwise.
local function whole(n) return string.format('%.0f', n) end

-- Returns the last response time and the average, with a new one; both may be false.
local function measured(last, average, time)
  if time == '' then return last, average end
  if not average then return time, time end
  return time, string.format('%.17g', average + 0.2 * (time - average))
end

-- Adds an observation to a lease or reading, and to the reading of its service. known are
-- the fields f, l, v and c of the first.
local function observe(lease, service, at, known, status, reported, time)
  local failures, last, average = known[1], known[2], known[3]
  local reports = known[4] or '0'
  if status ~= '' then
    failures = status == 'critical' and whole((failures or 0) + 1) or '0'
    if reported == '1' then reports = whole(reports + 1) end
  end
  last, average = measured(last, average, time)
  local a = whole(at)
  redis.call('HSET', lease, 'a', a, 'f', failures or '0', 'c', reports)
  if time ~= '' then redis.call('HSET', lease, 'l', last, 'v', average) end
  redis.call('HSET', service, 'a', a)
  if status ~= '' and reported == '1' then redis.call('HINCRBY', service, 'c', 1) end
  if time ~= '' then
    local l, v = measured(false, redis.call('HGET', service, 'v'), time)
    redis.call('HSET', service, 'l', l, 'v', v)
  end
end

-- Deletes a key of another type, and returns whether it did.
local function cleared(key, expected)
  local found = redis.call('TYPE', key).ok
  if found == 'none' or found == expected then return false end
  redis.call('DEL', key)
  return true
end

-- Returns the space-separated fields of a string, which may be false.
local function split(text)
  local fields = {}
  for field in string.gmatch(text or '', '%S+') do fields[#fields + 1] = field end
  return fields
end

-- Writes an instance of the projection: under its id, or, where the id lives in several
-- environments, under environment and id.
local function project(instances, leases, environment, id, several)
  local qualified = environment .. '/' .. id
  local known = redis.pcall('HMGET', leases .. qualified, 'j', 'h', 'a', 'v', 'f')
  local field = several and qualified or id
  if known.err or not known[1] then return redis.call('HDEL', instances, field) end
  redis.call('HSET', instances, field, known[1] .. '"health_status":"' .. (known[2] or 'unknown') ..
    '","last_check_timestamp":' .. (known[3] and string.format('%.6f', known[3] / 1000000) or 'null') ..
    ',"avg_response_time":' .. (known[4] or 'null') .. ',"consecutive_failures":' .. (known[5] or '0') .. '}')
end

-- Sets the environments in which an id lives, and rewrites its instances; former are
-- environments in which it may have lived.
local function relocate(instances, environments, leases, id, current, former)
  redis.call('HDEL', instances, id)
  for _, list in ipairs({former, current}) do
    for _, e in ipairs(list) do redis.call('HDEL', instances, e .. '/' .. id) end
  end
  if #current == 0 then return redis.call('HDEL', environments, id) end
  redis.call('HSET', environments, id, table.concat(current, ' '))
  for _, e in ipairs(current) do project(instances, leases, e, id, #current > 1) end
end

-- Writes an instance of the projection, or deletes it where it does not exist any more.
local function show(instances, environments, leases, e, id)
  local others, was = {}, false
  for _, environment in ipairs(split(redis.call('HGET', environments, id))) do
    if environment == e then was = true else others[#others + 1] = environment end
  end
  local exists = redis.pcall('HEXISTS', leases .. e .. '/' .. id, 'j') == 1
  if exists and was then
    project(instances, leases, e, id, #others > 0)
  elseif exists or was then
    if exists then others[#others + 1] = e end
    relocate(instances, environments, leases, id, others, {e})
  else
    redis.call('HDEL', instances, e .. '/' .. id)
    if #others == 0 then redis.call('HDEL', instances, id) end
  end
end
