-- KEYS: lease, running, expired. ARGV: epoch, ttl, removal, expired, if absent, member, head,
-- status. Returns the stored epoch where it is higher, else 0.
local current, epoch = tonumber(redis.call('HGET', KEYS[1], 'e') or ''), tonumber(ARGV[1])
if current and epoch < current then return current end
if current and ARGV[5] == '1' and epoch == current then return 0 end
local at = now()
local from, to, state, ends = KEYS[3], KEYS[2], 'r', whole(at + ARGV[2])
if ARGV[4] == '1' then from, to, state, ends = KEYS[2], KEYS[3], 'w', whole(at + ARGV[3]) end
redis.call('HSET', KEYS[1], 'e', ARGV[1], 't', ARGV[2], 'r', ARGV[3], 's', state, 'n', ends, 'd', '',
  'j', ARGV[7], 'h', ARGV[8])
redis.call('ZREM', from, ARGV[6])
redis.call('ZADD', to, ends, ARGV[6])
return 0
