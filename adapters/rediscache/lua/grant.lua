-- KEYS: lease, running, ended, instances. ARGV: epoch, ttl, removal, ended, keep,
-- member, id, head, status.
local known = redis.call('HMGET', KEYS[1], 'e', 'a', 'v', 'f')
local epoch = tonumber(ARGV[1])
if known[1] then
  local held = tonumber(known[1])
  if epoch < held or (ARGV[5] == '1' and epoch == held) then return 0 end
end
local at = now()
local from, to, state, ends = KEYS[3], KEYS[2], 'r', whole(at + ARGV[2])
if ARGV[4] == '1' then from, to, state, ends = KEYS[2], KEYS[3], 'w', whole(at + ARGV[3]) end
redis.call('HSET', KEYS[1], 'e', ARGV[1], 't', ARGV[2], 'r', ARGV[3], 's', state, 'n', ends, 'd', '',
  'j', ARGV[8], 'h', ARGV[9])
redis.call('ZREM', from, ARGV[6])
redis.call('ZADD', to, ends, ARGV[6])
show(KEYS[4], ARGV[7], ARGV[8], ARGV[9], known[2], known[3], known[4])
return 1
