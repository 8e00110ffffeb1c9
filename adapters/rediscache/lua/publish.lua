-- KEYS: instances, environments. ARGV: prefix of the service's leases, then environment
-- and id of each instance. Writes the instances of the projection, and returns whether a
-- value of another type was replaced.
local replaced = cleared(KEYS[1], 'hash')
cleared(KEYS[2], 'hash')
for i = 2, #ARGV, 2 do
  local e, id, others, was = ARGV[i], ARGV[i + 1], {}, false
  for _, environment in ipairs(split(redis.call('HGET', KEYS[2], id))) do
    if environment == e then was = true else others[#others + 1] = environment end
  end
  local lives = redis.pcall('HEXISTS', ARGV[1] .. e .. '/' .. id, 'j') == 1
  if lives and was then
    project(KEYS[1], ARGV[1], e, id, #others > 0)
  elseif lives or was then
    if lives then others[#others + 1] = e end
    relocate(KEYS[1], KEYS[2], ARGV[1], id, others, {e})
  else
    redis.call('HDEL', KEYS[1], e .. '/' .. id)
    if #others == 0 then redis.call('HDEL', KEYS[1], id) end
  end
end
return replaced and 1 or 0
