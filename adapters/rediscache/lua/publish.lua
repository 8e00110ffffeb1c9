-- KEYS: instances, environments. ARGV: prefix of the service's leases, ttl in ms, then
-- environment and id of each instance. Writes the instances of the projection, and returns
-- whether a value of another type was replaced.
local replaced = cleared(KEYS[1], 'hash')
cleared(KEYS[2], 'hash')
for i = 3, #ARGV, 2 do show(KEYS[1], KEYS[2], ARGV[1], ARGV[i], ARGV[i + 1]) end
for i = 1, 2 do
  if redis.call('PTTL', KEYS[i]) == -1 then redis.call('PEXPIRE', KEYS[i], ARGV[2]) end
end
return replaced and 1 or 0
