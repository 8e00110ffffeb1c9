-- KEYS: lease, running, ended, instances. ARGV: epoch, member, id.
local held = redis.call('HGET', KEYS[1], 'e')
if held and tonumber(held) > tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[3])
return 1
