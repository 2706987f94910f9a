-- The browser's fields and a cookie that is another one in every request: nothing repeats that a server could
-- remember. The requests are made beforehand, so that the client has no more to do than otherwise.
dofile("browser.lua")
local requests, turn = {}, 0

function init(arguments)
   for number = 1, 4096 do
      wrk.headers["Cookie"] = string.format("session=%08x%08x", number * 2654435761 % 4294967296, number)
      requests[number] = wrk.format()
   end
end

function request()
   turn = turn % #requests + 1
   return requests[turn]
end
