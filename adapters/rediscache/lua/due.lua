-- KEYS: election, running, expired. ARGV: id, term, limit, prefix of leases. Returns
-- elected, now, last (or ''), and members, epochs and scores of the due leases.
local at = now()
local known = redis.call('HMGET', KEYS[1], 'id', 'last')
local last = tonumber(known[2] or '')
if known[1] and last and known[1] ~= ARGV[1] and at < last + ARGV[2] and at >= last - ARGV[2] then return {0} end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'last', whole(at))
-- An invalid lease has epoch 0: the caller removes it.
local function epoch(key)
  local found = redis.pcall('HGET', key, 'e')
  if type(found) == 'table' then
    redis.call('DEL', key)
    return '0'
  end
  return tonumber(found or '') and found or '0'
end
local function due(key)
  local found, list = redis.call('ZRANGEBYSCORE', key, '-inf', whole(at), 'WITHSCORES', 'LIMIT', 0, ARGV[3]), {}
  for i = 1, #found, 2 do
    list[#list + 1] = found[i]
    list[#list + 1] = epoch(ARGV[4] .. found[i])
    list[#list + 1] = found[i + 1]
  end
  return list
end
return {1, whole(at), last and known[2] or '', due(KEYS[2]), due(KEYS[3])}
