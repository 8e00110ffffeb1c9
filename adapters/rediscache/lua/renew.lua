-- KEYS: lease, running, ended, instances, service. ARGV: epoch, status, reported,
-- time, member, id. Returns the outcome, the TTL, and whether the lease had ended.
local known = redis.call('HMGET', KEYS[1], 'e', 't', 's', 'f', 'l', 'v', 'c', 'h', 'j')
if not known[1] then return {3, 0, 0} end
local held, epoch = tonumber(known[1]), tonumber(ARGV[1])
if epoch < held then return {2, 0, 0} end
if epoch > held then return {3, 0, 0} end
local at, had = now(), 0
local ends = whole(at + known[2])
if known[3] == 'w' then
  had = 1
  redis.call('ZREM', KEYS[3], ARGV[5])
  redis.call('HSET', KEYS[1], 's', 'r', 'd', '', 'n', ends)
else
  redis.call('HSET', KEYS[1], 'n', ends)
end
redis.call('ZADD', KEYS[2], ends, ARGV[5])
observe(KEYS[1], KEYS[5], KEYS[4], ARGV[6], at, {known[4], known[5], known[6], known[7], known[8], known[9]},
  ARGV[2], ARGV[3], ARGV[4], '')
return {1, tonumber(known[2]), had}
