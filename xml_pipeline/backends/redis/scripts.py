"""What Redis is asked to do in one step, in its own language.

Every key begins with a prefix, the first argument of each script:

    log:ID          a list: the entries of a conversation, each with its time before it
    live:SHARD      a sorted set: the conversations of a shard that have not ended, by their age
    all             a sorted set: the conversations there are, by their age
    ended           a sorted set: those that have ended, by when they did
    letters         a hash: the dead letters, as JSON
    mark:KIND:KEY   a mark, with the time at which it expires before it
    claim:KIND:KEY  the node that may write a mark
    done:NODE       the number of the last commit of a node; below 0 where it was refused
    node:NODE       there as long as that node lives; who and where it is, as JSON
    box:NODE        a list: letters to that node, for a minute
    nodes           a set: the nodes there may be
    leases          a hash: which node holds which shard
"""

from __future__ import annotations

from hashlib import sha1


class Script:
    """A script, and the digest by which Redis knows it."""

    __slots__ = ("sha", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()


APPEND = Script("""
local prefix, node, number = ARGV[1], ARGV[2], tonumber(ARGV[3])
local at, prune, horizon = ARGV[4], ARGV[5] == '1', ARGV[6]
local done, next = prefix .. 'done:' .. node, 7
local last = tonumber(redis.call('get', done) or 0)
if math.abs(last) >= number then return last < 0 and 0 or 1 end

local function words(size)
    local count = tonumber(ARGV[next])
    local first = next + 1
    next = first + count * size
    return first, next - 1
end

local first, final = words(1)
if final >= first then
    for _, owner in ipairs(redis.call('hmget', prefix .. 'leases', unpack(ARGV, first, final))) do
        if owner ~= node then
            redis.call('set', done, -number, 'ex', 86400)
            return 0
        end
    end
end
redis.call('set', done, number, 'ex', 86400)

local all, ended, letters = prefix .. 'all', prefix .. 'ended', prefix .. 'letters'
first, final = words(2)
local logs = prefix .. 'log:'
for i = first, final, 2 do redis.call('rpush', logs .. ARGV[i], ARGV[i + 1]) end
first, final = words(5)
for i = first, final, 5 do
    local id, shard, score, what, records = unpack(ARGV, i, i + 4)
    local opens, ends = what == 'o' or what == 'b', what == 'e' or what == 'b'
    local log, live = logs .. id, prefix .. 'live:' .. shard
    if not (ends and prune) then
        redis.call('rpush', log, records)
        if opens then redis.call('zadd', all, score, id) end
        if ends then redis.call('zadd', ended, at, id) end
    elseif not opens then
        redis.call('del', log)
        redis.call('zrem', all, id)
    end
    if opens and not ends then redis.call('zadd', live, score, id) end
    if ends and not opens then redis.call('zrem', live, id) end
end
first, final = words(2)
for i = first, final, 2 do redis.call('hset', letters, ARGV[i], ARGV[i + 1]) end
first, final = words(1)
for i = first, final do redis.call('hdel', letters, ARGV[i]) end
first, final = words(3)
for i = first, final, 3 do
    redis.call('set', prefix .. 'mark:' .. ARGV[i], ARGV[i + 1], 'px', ARGV[i + 2])
end
if horizon ~= '' then
    for _, id in ipairs(redis.call('zrangebyscore', ended, '-inf', horizon, 'limit', 0, 500)) do
        redis.call('del', prefix .. 'log:' .. id)
        redis.call('zrem', all, id)
        redis.call('zrem', ended, id)
    end
end
return 1
""")
"""Write a commit: node, number, time, whether to prune, before when to forget (or nothing);
then lists, each after its length: shards, entries of conversations that go on, of those that open
or end, letters, dropped letters, marks.

1 where it is written, by this or an earlier try; 0 where a shard is not the node's any more.
"""

TAKE_ALL = Script("""
local prefix, node, about, lifetime = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
for _, other in ipairs(redis.call('smembers', prefix .. 'nodes')) do
    if redis.call('exists', prefix .. 'node:' .. other) == 1 then return other end
    redis.call('srem', prefix .. 'nodes', other)
end
redis.call('set', prefix .. 'node:' .. node, about, 'px', lifetime)
redis.call('sadd', prefix .. 'nodes', node)
for shard = 0, tonumber(ARGV[5]) - 1 do redis.call('hset', prefix .. 'leases', shard, node) end
return ''
""")
"""Take every shard for a node that lives so many milliseconds; the other one, if there is one."""

LOOK = Script("""
local prefix, node = ARGV[1], ARGV[2]
local nodes = prefix .. 'nodes'
redis.call('set', prefix .. 'node:' .. node, ARGV[3], 'px', ARGV[4])
redis.call('sadd', nodes, node)
local living = {}
for _, other in ipairs(redis.call('smembers', nodes)) do
    local about = redis.call('get', prefix .. 'node:' .. other)
    if about then
        living[#living + 1] = other
        living[#living + 1] = about
    else
        redis.call('srem', nodes, other)
    end
end
return {living, redis.call('hgetall', prefix .. 'leases')}
""")
"""Let a node live so many milliseconds from now on, and see who lives and who holds what."""

TAKE = Script("""
local prefix, node = ARGV[1], ARGV[2]
local leases, taken = prefix .. 'leases', {}
if redis.call('exists', prefix .. 'node:' .. node) == 0 then return taken end
for i = 3, #ARGV do
    local owner = redis.call('hget', leases, ARGV[i])
    if not owner or redis.call('exists', prefix .. 'node:' .. owner) == 0 then
        redis.call('hset', leases, ARGV[i], node)
        taken[#taken + 1] = ARGV[i]
    end
end
return taken
""")
"""Take those of some shards that no living node holds."""

GIVE = Script("""
local leases = ARGV[1] .. 'leases'
for i = 3, #ARGV do
    if redis.call('hget', leases, ARGV[i]) == ARGV[2] then redis.call('hdel', leases, ARGV[i]) end
end
return 1
""")
"""Let go of shards."""

LEAVE = Script("""
local prefix, node = ARGV[1], ARGV[2]
redis.call('del', prefix .. 'node:' .. node, prefix .. 'box:' .. node)
redis.call('srem', prefix .. 'nodes', node)
local leases = redis.call('hgetall', prefix .. 'leases')
for i = 1, #leases, 2 do
    if leases[i + 1] == node then redis.call('hdel', prefix .. 'leases', leases[i]) end
end
return 1
""")
"""Give up every shard of a node, and the node itself."""

CLAIM = Script("""
local prefix, node, key = ARGV[1], ARGV[2], ARGV[3]
if redis.call('exists', prefix .. 'mark:' .. key) == 1 then return 0 end
local claim = prefix .. 'claim:' .. key
local holder = redis.call('get', claim)
if holder and holder ~= node and redis.call('exists', prefix .. 'node:' .. holder) == 1 then
    return 0
end
redis.call('set', claim, node, 'px', ARGV[4])
return 1
""")
"""Let a node be the one to write a mark, for so many milliseconds; 0 where it is there already,
or another node that lives has claimed it."""

DISCLAIM = Script("""
local claim = ARGV[1] .. 'claim:' .. ARGV[3]
if redis.call('get', claim) == ARGV[2] then redis.call('del', claim) end
return 1
""")
"""Let another node have what this one has claimed."""
