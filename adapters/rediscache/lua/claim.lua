-- KEYS: epochs. ARGV: epoch. Notes that the epoch is in use, and returns now, and all
-- epochs with when they were last in use.
local at = whole(now())
redis.call('ZADD', KEYS[1], at, ARGV[1])
local uses = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 2, #uses, 2 do uses[i] = whole(tonumber(uses[i])) end
return {at, uses}
