-- A multipart form with one file of 10 MiB.
dofile("report.lua")
local boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
wrk.method = "POST"
wrk.headers["Content-Type"] = "multipart/form-data; boundary=" .. boundary
wrk.body = "--" .. boundary .. '\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
   .. string.rep("x", 10485760) .. "\r\n--" .. boundary .. "--\r\n"
