-- KEYS: sweeper, then keys of ours. ARGV: the kind that each of the latter has to be, or
-- '' for any. Deletes those of another kind, and returns their positions. Leases may be
-- missing from a sorted set that was deleted: then nobody has swept, and the next
-- sweeper grants them all again.
local deleted = {}
for i = 1, #ARGV do
  if ARGV[i] ~= '' and cleared(KEYS[i + 1], ARGV[i]) then
    deleted[#deleted + 1] = i
    if ARGV[i] == 'zset' then redis.call('DEL', KEYS[1]) end
  end
end
return deleted
