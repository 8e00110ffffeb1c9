-- KEYS: entry. ARGV: length of the head, where the epoch ends, value, life in ms.
-- Digits of one length compare as texts in every locale.
local size, epoch = tonumber(ARGV[1]), tonumber(ARGV[2])
local held = redis.pcall('GETRANGE', KEYS[1], 0, size - 1)
local new = string.sub(ARGV[3], 1, size)
if type(held) == 'string' and #held == #new and string.sub(held, 1, epoch) == string.sub(new, 1, epoch)
  and string.sub(held, epoch + 1) > string.sub(new, epoch + 1) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
