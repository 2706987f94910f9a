-- A multipart form with one file of 100 MiB: bytes of all values, as in a photograph.
dofile("report.lua")
local boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
math.randomseed(1)
local bytes = {}
for index = 1, 65536 do
   bytes[index] = string.char(math.random(0, 255))
end
wrk.method = "POST"
wrk.headers["Content-Type"] = "multipart/form-data; boundary=" .. boundary
wrk.body = "--" .. boundary .. '\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
   .. string.rep(table.concat(bytes), 1600) .. "\r\n--" .. boundary .. "--\r\n"
