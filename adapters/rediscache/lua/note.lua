-- KEYS: lease, service. ARGV: status, reported, time, head.
local known = redis.call('HMGET', KEYS[1], 'f', 'l', 'v', 'c', 'h')
observe(KEYS[1], KEYS[2], now(), known, ARGV[1], ARGV[2], ARGV[3])
redis.call('HSETNX', KEYS[1], 'j', ARGV[4])
return 1
