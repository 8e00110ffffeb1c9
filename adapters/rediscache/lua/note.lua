-- KEYS: lease, service. ARGV: status, reported, time.
local known = redis.call('HMGET', KEYS[1], 'f', 'l', 'v', 'c')
observe(KEYS[1], KEYS[2], now(), known, ARGV[1], ARGV[2], ARGV[3])
return 1
