module github.com/signalbox-hq/signalbox

go 1.26.0
