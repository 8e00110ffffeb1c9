-- KEYS: shown, info, active, healthy. ARGV: name, version, ttl in ms, info, active,
-- healthy.
local shown = redis.call('HGET', KEYS[1], ARGV[1])
if shown and tonumber(shown) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[4] == '' then
  redis.call('DEL', KEYS[2], KEYS[3])
else
  redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[3])
  redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[3])
end
if ARGV[4] ~= '' and ARGV[6] == '1' then
  redis.call('SADD', KEYS[4], ARGV[1])
else
  redis.call('SREM', KEYS[4], ARGV[1])
end
redis.call('PEXPIRE', KEYS[4], ARGV[3])
return 1
