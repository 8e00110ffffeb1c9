-- KEYS: instances, then leases. ARGV: the field of each lease. Writes the instances as
-- readers of this server see them, and returns whether a value of another kind was
-- replaced.
local replaced = cleared(KEYS[1], 'hash')
for i = 2, #KEYS do
  local known = redis.pcall('HMGET', KEYS[i], 'j', 'h', 'a', 'v', 'f')
  if known.err or not known[1] then
    redis.call('HDEL', KEYS[1], ARGV[i - 1])
  else
    redis.call('HSET', KEYS[1], ARGV[i - 1], known[1] .. '"health_status":"' .. (known[2] or 'unknown') ..
      '","last_check_timestamp":' .. (known[3] and string.format('%.6f', known[3] / 1000000) or 'null') ..
      ',"avg_response_time":' .. (known[4] or 'null') .. ',"consecutive_failures":' .. (known[5] or '0') .. '}')
  end
end
return replaced and 1 or 0
