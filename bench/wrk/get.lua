-- A GET with the one field that HTTP/1.1 demands, Host.
dofile("report.lua")
