package redisstore

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"

	"github.com/redis/rueidis"
)

// script is a Lua script on one key. Redis runs it as one step.
type script struct {
	text, sha string
	lua       *rueidis.Lua
}

func newScript(text string) script {
	sum := sha1.Sum([]byte(text)) // what Redis calls it
	return script{text, hex.EncodeToString(sum[:]), rueidis.NewLuaScript(text)}
}

func (s script) run(ctx context.Context, c rueidis.Client, key string, args ...string) rueidis.RedisResult {
	return s.lua.Exec(ctx, c, []string{key}, args)
}

// runSettled returns when this process has been told of what the script changed.
func (s script) runSettled(ctx context.Context, c rueidis.Client, key string, args ...string) (int64, error) {
	replies := c.DoMulti(ctx, c.B().Evalsha().Sha1(s.sha).Numkeys(1).Key(key).Arg(args...).Build(), settle(c, key))
	if err, ok := rueidis.IsRedisErr(replies[0].Error()); ok && err.IsNoScript() {
		replies = c.DoMulti(ctx, c.B().Eval().Script(s.text).Numkeys(1).Key(key).Arg(args...).Build(), settle(c, key))
	}
	n, err := replies[0].AsInt64()
	return n, errors.Join(err, replies[1].Error())
}

// settle follows a change on the same connection. Redis takes answers back
// between its replies, and replies come in order: when this one is there, so is
// the word that what was cached of key is no longer true.
func settle(c rueidis.Client, key string) rueidis.Completed {
	return c.B().Exists().Key(key).Build()
}

var (
	// saveScript compares and sets. Arguments: whether there is a previous value,
	// that, the new one, its lifetime, and whether this is a repetition, which may
	// find its own work done.
	saveScript = newScript(`
local kept = redis.call('GET', KEYS[1])
if ARGV[5] == '1' and kept == ARGV[3] then return 1 end
if ARGV[1] == '1' then
  if kept ~= ARGV[2] then return 0 end
elseif kept then
  return 0
end
if tonumber(ARGV[4]) > 0 then
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
else
  redis.call('DEL', KEYS[1])
end
return 1`)

	// revokeScript keeps the latest times. Arguments: before, until and now, in
	// Unix milliseconds. The value is before:until.
	revokeScript = newScript(`
local before, till = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('GET', KEYS[1])
if kept then
  local b, u = string.match(kept, '^(-?%d+):(-?%d+)$')
  if b then before, till = math.max(before, tonumber(b)), math.max(till, tonumber(u)) end
end
local life = till - tonumber(ARGV[3])
if life > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f:%.0f', before, till), 'PX', string.format('%.0f', life))
end
return 1`)

	// enterScript lists an entry. A field's value is when it expires and when it
	// was entered, 20 digits each, and the entry. Arguments: id, entry, expires,
	// now, the most entries there may be.
	enterScript = newScript(`
local expires, now, most = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if expires <= now then return redis.call('HDEL', KEYS[1], ARGV[1]) end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%020.0f%020.0f', expires, now) .. ARGV[2])
local last, oldest, entered, n = expires, nil, nil, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local ends, began = tonumber(string.sub(all[i+1], 1, 20)), tonumber(string.sub(all[i+1], 21, 40))
  if ends <= now then
    redis.call('HDEL', KEYS[1], all[i])
  else
    n, last = n + 1, math.max(last, ends)
    if all[i] ~= ARGV[1] and (not oldest or began < entered) then oldest, entered = all[i], began end
  end
end
if n > most then redis.call('HDEL', KEYS[1], oldest) end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', last - now))
return 1`)

	// joinScript takes the lease, or gives it back where it was taken too soon. A key
	// holds L and whose lease it is, F and the same once that renewal was forgotten, or
	// R and a result. Arguments: who asks, the lease in milliseconds, and whether it may
	// be taken now.
	joinScript = newScript(`
local kept = redis.call('GET', KEYS[1])
if not kept then
  if ARGV[3] ~= '1' then return {'wait'} end
  redis.call('SET', KEYS[1], 'L' .. ARGV[1], 'PX', ARGV[2])
  return {'lease'}
end
if string.sub(kept, 1, 1) == 'R' then return {'result', string.sub(kept, 2)} end
if kept ~= 'L' .. ARGV[1] then return {'wait'} end
if ARGV[3] ~= '1' then
  redis.call('DEL', KEYS[1])
  return {'wait'}
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'lease'}`)

	// keepScript lets a lease live on, and takes it again where Redis lost it.
	// Arguments: whose, and the lease in milliseconds. Returns whether it is.
	keepScript = newScript(`
local kept = redis.call('GET', KEYS[1])
if not kept then
  redis.call('SET', KEYS[1], 'L' .. ARGV[1], 'PX', ARGV[2])
  return 1
end
if string.sub(kept, 2) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)

	// finishScript ends a lease. A result is kept whoever has the lease now,
	// unless it was forgotten. Arguments: whose, whether there is a result, that,
	// and its lifetime. Returns 0 for a failure where somebody else leads, or led.
	finishScript = newScript(`
local kept = redis.call('GET', KEYS[1]) or ''
local mine = string.sub(kept, 1, 1) ~= 'R' and string.sub(kept, 2) == ARGV[1]
if ARGV[2] == '1' and tonumber(ARGV[4]) > 0 and string.sub(kept, 1, 1) ~= 'F' then
  redis.call('SET', KEYS[1], 'R' .. ARGV[3], 'PX', ARGV[4])
elseif mine then
  redis.call('DEL', KEYS[1])
elseif ARGV[2] ~= '1' and kept ~= '' then
  return 0
end
return 1`)

	// forgetScript drops a result, or lets the renewal under way have none.
	forgetScript = newScript(`
local kept = redis.call('GET', KEYS[1])
if not kept then return 0 end
if string.sub(kept, 1, 1) == 'R' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], 'F' .. string.sub(kept, 2), 'KEEPTTL')
return 1`)
)
