-- KEYS: lease, running, expired. ARGV: epoch, member.
local current = tonumber(redis.call('HGET', KEYS[1], 'e') or '')
if current and current > tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
return 1
