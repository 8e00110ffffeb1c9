-- KEYS: lease, instances, service. ARGV: status, reported, time, id, head.
local known = redis.call('HMGET', KEYS[1], 'f', 'l', 'v', 'c', 'h', 'j')
observe(KEYS[1], KEYS[3], KEYS[2], ARGV[4], now(), known, ARGV[1], ARGV[2], ARGV[3], ARGV[5])
return 1
