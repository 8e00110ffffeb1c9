-- KEYS: directory, info, active, healthy, instances, environments. ARGV: name, version, ttl
-- in ms, info, active, healthy, prefix of the service's leases, id; then environment, id,
-- status and head of each instance, the latter '' for one with a lease. Returns whether this
-- server has lost the entries of other services, and the position of a key whose value had
-- the wrong type.
local id, version = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+):(%d+)$')
local same = id and tonumber(id) == tonumber(ARGV[8])
if id and tonumber(id) > tonumber(ARGV[8]) or same and tonumber(version) > tonumber(ARGV[2]) then return {0, 0} end
local lost, replaced = redis.call('EXISTS', KEYS[1]) == 0, 0
redis.call('HSET', KEYS[1], ARGV[1], ARGV[8] .. ':' .. ARGV[2])
if cleared(KEYS[5], 'hash') then replaced = 5 end
if cleared(KEYS[4], 'set') then lost, replaced = true, 4 end
-- An epoch begins with an empty set: services of the one before may be removed.
if lost then redis.call('DEL', KEYS[4]) end
if ARGV[4] == '' then
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[5], KEYS[6])
else
  redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[3])
  redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[3])
  cleared(KEYS[6], 'hash')
  -- A lease has a head. An instance without one is written with that of the entry.
  for i = 9, #ARGV, 4 do
    local e, id, status, head = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    local key = ARGV[7] .. e .. '/' .. id
    local stored = redis.pcall('HMGET', key, 'j', 'h')
    if stored.err then stored = {} end
    if head ~= '' and stored[1] ~= head then
      cleared(key, 'hash')
      redis.call('HSET', key, 'j', head, 'h', status)
      show(KEYS[5], KEYS[6], ARGV[7], e, id)
    elseif stored[1] and stored[2] ~= status then
      redis.call('HSET', key, 'h', status)
      show(KEYS[5], KEYS[6], ARGV[7], e, id)
    end
  end
  local known, fields = redis.call('HGETALL', KEYS[6]), {}
  for i = 1, #known, 2 do
    local id, environments, living = known[i], split(known[i + 1]), {}
    for _, e in ipairs(environments) do
      if redis.call('EXISTS', ARGV[7] .. e .. '/' .. id) == 1 then living[#living + 1] = e end
    end
    if #living ~= #environments then relocate(KEYS[5], KEYS[6], ARGV[7], id, living, environments) end
    for _, e in ipairs(living) do fields[#living > 1 and e .. '/' .. id or id] = true end
  end
  for _, field in ipairs(redis.call('HKEYS', KEYS[5])) do
    if not fields[field] then redis.call('HDEL', KEYS[5], field) end
  end
  redis.call('PEXPIRE', KEYS[5], ARGV[3])
  redis.call('PEXPIRE', KEYS[6], ARGV[3])
end
if ARGV[4] ~= '' and ARGV[6] == '1' then
  redis.call('SADD', KEYS[4], ARGV[1])
else
  redis.call('SREM', KEYS[4], ARGV[1])
end
redis.call('PEXPIRE', KEYS[4], ARGV[3])
return {lost and 1 or 0, replaced}
