-- KEYS: lease, running, ended. ARGV: epoch, ttl, removal, ended, keep, member, head,
-- status. Returns the epoch that is kept where it is higher, and else 0.
local held, epoch = tonumber(redis.call('HGET', KEYS[1], 'e') or ''), tonumber(ARGV[1])
if held and epoch < held then return held end
if held and ARGV[5] == '1' and epoch == held then return 0 end
local at = now()
local from, to, state, ends = KEYS[3], KEYS[2], 'r', whole(at + ARGV[2])
if ARGV[4] == '1' then from, to, state, ends = KEYS[2], KEYS[3], 'w', whole(at + ARGV[3]) end
redis.call('HSET', KEYS[1], 'e', ARGV[1], 't', ARGV[2], 'r', ARGV[3], 's', state, 'n', ends, 'd', '',
  'j', ARGV[7], 'h', ARGV[8])
redis.call('ZREM', from, ARGV[6])
redis.call('ZADD', to, ends, ARGV[6])
return 0
