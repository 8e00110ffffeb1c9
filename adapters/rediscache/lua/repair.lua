-- KEYS: election, then own keys. ARGV: the required type of each of the latter, or '' for
-- any. Deletes those of another type, and returns their positions. Leases may be missing
-- from a deleted sorted set: then the election is deleted, too, and the next elected replica
-- grants all of them again.
local deleted = {}
for i = 1, #ARGV do
  if ARGV[i] ~= '' and cleared(KEYS[i + 1], ARGV[i]) then
    deleted[#deleted + 1] = i
    if ARGV[i] == 'zset' then redis.call('DEL', KEYS[1]) end
  end
end
return deleted
