-- KEYS: sweeper, running, ended. ARGV: id, term, limit, prefix of leases. Returns
-- turn, now, last (or ''), and members, epochs and scores of what is due.
local at = now()
local known = redis.call('HMGET', KEYS[1], 'id', 'last')
if known[1] and known[1] ~= ARGV[1] and at < known[2] + ARGV[2] and at >= known[2] - ARGV[2] then return {0} end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'last', whole(at))
local function due(key)
  local found, list = redis.call('ZRANGEBYSCORE', key, '-inf', whole(at), 'WITHSCORES', 'LIMIT', 0, ARGV[3]), {}
  for i = 1, #found, 2 do
    list[#list + 1] = found[i]
    list[#list + 1] = redis.call('HGET', ARGV[4] .. found[i], 'e') or '0'
    list[#list + 1] = found[i + 1]
  end
  return list
end
return {1, whole(at), known[2] or '', due(KEYS[2]), due(KEYS[3])}
