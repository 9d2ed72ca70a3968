"""What Redis does in one step for a board of jobs.

Every key begins with a prefix, the first argument of each script, and the word ``work:``:

    queue           a list: NODE:NUMBER of the jobs that no worker has
    free            a list: workers, each as often as it would take another job
    workers         a hash: how many processes each worker has
    alive:WHO       there as long as that worker, or that node, lives
    jobs:NODE       a hash: the jobs of a node that no worker has, by their number
    held:NODE       a hash: which worker has which job
    notes:NODE      a list: KIND NUMBER BODY, for a node
    told:WORKER     a list: KIND NODE NUMBER BODY, for a worker
"""

from __future__ import annotations

from xml_pipeline.backends.redis.scripts import Script

_COMMON = """
local p = ARGV[1] .. 'work:'
local function lives(who) return redis.call('exists', p .. 'alive:' .. who) == 1 end
local function keep(key) redis.call('pexpire', p .. key, 60000) end
local function tell(worker, kind, node, number, body)
    redis.call('rpush', p .. 'told:' .. worker, table.concat({kind, node, number, body}, ' '))
    keep('told:' .. worker)
end
local function hold(worker, node, number)
    redis.call('hset', p .. 'held:' .. node, number, worker)
    keep('held:' .. node)
end
"""

POST = Script(
    _COMMON
    + """
local node = ARGV[2]
local function somebody()
    while true do
        local worker = redis.call('lpop', p .. 'free')
        if not worker or lives(worker) then return worker end
    end
end
for i = 3, #ARGV, 2 do
    local number, body = ARGV[i], ARGV[i + 1]
    local worker = somebody()
    if worker then
        hold(worker, node, number)
        tell(worker, 'do', node, number, body)
    else
        redis.call('hset', p .. 'jobs:' .. node, number, body)
        redis.call('rpush', p .. 'queue', node .. ':' .. number)
        keep('jobs:' .. node)
    end
end
return 1
"""
)
"""Post jobs: node, then number and body of each. Whoever is free has one at once."""

SAY = Script(
    _COMMON
    + """
local worker, freed = ARGV[2], tonumber(ARGV[3])
if not lives(worker) then return false end
for i = 4, #ARGV, 4 do
    local node, number, kind, body = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    local held, notes = p .. 'held:' .. node, 'notes:' .. node
    if redis.call('hget', held, number) == worker then
        if kind == 'ended' then redis.call('hdel', held, number) end
        redis.call('rpush', p .. notes, table.concat({kind, number, body}, ' '))
        keep(notes)
    end
end
local given = {}
while freed > 0 do
    local id = redis.call('lpop', p .. 'queue')
    if not id then break end
    local node, number = string.match(id, '^(.-):(.*)$')
    local jobs = p .. 'jobs:' .. (node or '')
    local body = node and redis.call('hget', jobs, number)
    if body and lives(node) then
        redis.call('hdel', jobs, number)
        hold(worker, node, number)
        given[#given + 1] = table.concat({'do', node, number, body}, ' ')
        freed = freed - 1
    end
end
for _ = 1, freed do redis.call('rpush', p .. 'free', worker) end
return given
"""
)
"""Say what a worker has to say: worker, how many jobs it would take; then node, number, kind
and body of each note. The orders that it has at once; nothing where it is taken to be dead."""

BEAT = Script(
    _COMMON
    + """
local worker, lifetime, processes, is_first = ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
if not is_first and not lives(worker) then return false end
redis.call('set', p .. 'alive:' .. worker, processes, 'px', lifetime)
redis.call('hset', p .. 'workers', worker, processes)
local dead = {}
for i = 6, #ARGV do
    if not lives(ARGV[i]) then dead[#dead + 1] = ARGV[i] end
end
return dead
"""
)
"""Let a worker live so many milliseconds: its processes, whether it is new; then nodes.

Those of the nodes that are dead; nothing where the worker itself is taken to be.
"""

LEAVE = Script(
    _COMMON
    + """
local worker = ARGV[2]
redis.call('lrem', p .. 'free', 0, worker)
if ARGV[3] == '1' then
    redis.call('del', p .. 'alive:' .. worker, p .. 'told:' .. worker)
    redis.call('hdel', p .. 'workers', worker)
end
return 1
"""
)
"""Give a worker no further job; 1 after it: it goes."""

TEND = Script(
    _COMMON
    + """
local node, lifetime = ARGV[2], ARGV[3]
redis.call('set', p .. 'alive:' .. node, '1', 'px', lifetime)
local places, lost, untaken = 0, {}, {}
local workers = redis.call('hgetall', p .. 'workers')
for i = 1, #workers, 2 do
    if lives(workers[i]) then
        places = places + (tonumber(workers[i + 1]) or 0)
    else
        redis.call('hdel', p .. 'workers', workers[i])
    end
end
local held = redis.call('hgetall', p .. 'held:' .. node)
for i = 1, #held, 2 do
    if not lives(held[i + 1]) then
        redis.call('hdel', p .. 'held:' .. node, held[i])
        lost[#lost + 1] = held[i]
    end
end
if places == 0 then
    untaken = redis.call('hkeys', p .. 'jobs:' .. node)
    redis.call('del', p .. 'jobs:' .. node)
end
for _, key in ipairs({'jobs:', 'held:', 'notes:'}) do keep(key .. node) end
return {places, lost, untaken}
"""
)
"""Let a node live so many milliseconds. How many processes there are, the numbers of its jobs
that a dead worker had, and of those that there is nobody for."""

WITHDRAW = Script(
    _COMMON
    + """
local node = ARGV[2]
for i = 3, #ARGV do
    local number = ARGV[i]
    local worker = redis.call('hget', p .. 'held:' .. node, number)
    redis.call('hdel', p .. 'jobs:' .. node, number)
    redis.call('hdel', p .. 'held:' .. node, number)
    if worker then tell(worker, 'stop', node, number, '') end
end
return 1
"""
)
"""Take jobs of a node back."""

TELL = Script(
    _COMMON
    + """
local worker = redis.call('hget', p .. 'held:' .. ARGV[2], ARGV[3])
if worker then tell(worker, 'told', ARGV[2], ARGV[3], ARGV[4]) end
return 1
"""
)
"""Answer whichever worker has a job: node, number, body."""

END = Script(
    _COMMON
    + """
local node = ARGV[2]
local held = redis.call('hgetall', p .. 'held:' .. node)
for i = 1, #held, 2 do tell(held[i + 1], 'stop', node, held[i], '') end
for _, key in ipairs({'alive:', 'jobs:', 'held:', 'notes:'}) do
    redis.call('del', p .. key .. node)
end
return 1
"""
)
"""Take all jobs of a node back, and the node with them."""
