-- Whom does a request of a sharded work ask about? A thousand users in turn, in a header or in the
-- path; the requests are made before they are needed.
local requests, turn = {}, 0

function init(args)
  for user = 1, 1000 do
    local path, headers = '/', {}
    if args[1] == 'path' then
      path = '/users/user-' .. user .. '/cart'
    else
      headers['x-user'] = 'user-' .. user
    end
    requests[user] = wrk.format('GET', path, headers)
  end
end

function request()
  turn = turn % 1000 + 1
  return requests[turn]
end
