-- KEYS: epochs. ARGV: epoch. Records that the epoch is in use, and returns now, and
-- when each epoch was last in use.
local at = whole(now())
redis.call('ZADD', KEYS[1], at, ARGV[1])
local uses = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 2, #uses, 2 do uses[i] = whole(tonumber(uses[i])) end
return {at, uses}
