-- KEYS: lease, running, expired, service. ARGV: epoch, status, reported, time, member.
-- Returns the outcome, the TTL, and whether the lease had expired.
local known = redis.call('HMGET', KEYS[1], 'e', 't', 's', 'f', 'l', 'v', 'c')
local current, epoch, ttl = tonumber(known[1] or ''), tonumber(ARGV[1]), tonumber(known[2] or '')
if not current or not ttl then return {3, 0, 0} end
if epoch < current then return {2, 0, 0} end
if epoch > current then return {3, 0, 0} end
local at, had = now(), 0
local ends = whole(at + ttl)
if known[3] == 'w' then
  had = 1
  redis.call('ZREM', KEYS[3], ARGV[5])
  redis.call('HSET', KEYS[1], 's', 'r', 'd', '', 'n', ends)
else
  redis.call('HSET', KEYS[1], 'n', ends)
end
redis.call('ZADD', KEYS[2], ends, ARGV[5])
observe(KEYS[1], KEYS[4], at, {known[4], known[5], known[6], known[7]}, ARGV[2], ARGV[3], ARGV[4])
return {1, ttl, had}
