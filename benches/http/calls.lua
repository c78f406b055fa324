-- One call of run, as often as it can be answered. Any answer but the right one ends the run in an error.
local call = os.getenv("CALL")
wrk.headers["x-metabase-session"] = os.getenv("SESSION")
wrk.headers["content-type"] = "application/json"
local wanted = 200
local requests = {
  ping = function() return wrk.format("GET", "/api/agent/v1/ping") end,
  search = function()
    return wrk.format("POST", "/api/agent/v1/search", nil, '{"term_queries":["revenue"]}')
  end,
  aggregate = function()
    local body = '{"fresh":true,"metrics":["revenue"],"group_by":["product.category"]}'
    return wrk.format("POST", "/api/agent/query", nil, body)
  end,
  -- The same, kept since the first of them.
  kept = function()
    local body = '{"metrics":["revenue"],"group_by":["product.category"]}'
    return wrk.format("POST", "/api/agent/query", nil, body)
  end,
  -- What a client has already, and asks whether it is still so.
  unchanged = function()
    local headers = { ["if-none-match"] = os.getenv("ETAG") }
    for name, value in pairs(wrk.headers) do headers[name] = value end
    return wrk.format("GET", "/api/agent/tables/orders", headers)
  end,
}
if call == "unchanged" then wanted = 304 end
local text
function init() text = requests[call]() end
function request() return text end

local threads = {}
function setup(thread) table.insert(threads, thread) end
other = 0
function response(status)
  if status ~= wanted then other = other + 1 end
end

function done(summary, latency)
  for _, thread in ipairs(threads) do
    local wrong = thread:get("other")
    if wrong > 0 then error(wrong .. " answers to " .. call .. " are not " .. wanted) end
  end
  local rate = summary.requests / (summary.duration / 1e6)
  local ms = function(p) return latency:percentile(p) / 1e3 end
  io.write(string.format("row %.0f | %.2f | %.2f |\n", rate, ms(50), ms(99)))
end
