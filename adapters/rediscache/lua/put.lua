-- KEYS: entry. ARGV: length of the head, end of the epoch, value, lifetime in ms.
-- Strings of digits of one length compare as numbers in every locale.
local size, epoch = tonumber(ARGV[1]), tonumber(ARGV[2])
local current = redis.pcall('GETRANGE', KEYS[1], 0, size - 1)
local new = string.sub(ARGV[3], 1, size)
if type(current) == 'string' and #current == #new and string.sub(current, 1, epoch) == string.sub(new, 1, epoch)
  and string.sub(current, epoch + 1) > string.sub(new, epoch + 1) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
