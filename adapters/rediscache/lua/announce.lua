-- KEYS: members. ARGV: replica, ttl.
local at = now()
redis.call('ZADD', KEYS[1], whole(at + ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', whole(at))
return redis.call('ZRANGE', KEYS[1], 0, -1)
