-- KEYS: lease, running, expired. ARGV: epoch, end as it was returned, member.
local known = redis.call('HMGET', KEYS[1], 'e', 's', 'n', 'd', 'r')
if known[1] ~= ARGV[1] then return 0 end
if known[2] == 'w' then return known[4] == ARGV[2] and 1 or 0 end
if known[3] ~= ARGV[2] then return 0 end
local removal = whole(ARGV[2] + known[5])
redis.call('HSET', KEYS[1], 's', 'w', 'd', ARGV[2], 'n', removal)
redis.call('ZREM', KEYS[2], ARGV[3])
redis.call('ZADD', KEYS[3], removal, ARGV[3])
return 1
