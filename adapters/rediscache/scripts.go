package rediscache

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/prelude.lua
var prelude string

//go:embed lua/grant.lua
var grantText string

//go:embed lua/renew.lua
var renewText string

//go:embed lua/sweep.lua
var sweepText string

//go:embed lua/end.lua
var endText string

//go:embed lua/drop.lua
var dropText string

//go:embed lua/note.lua
var noteText string

//go:embed lua/announce.lua
var announceText string

//go:embed lua/show.lua
var showText string

//go:embed lua/keep.lua
var keepText string

// scripts are what runs inside Redis for leases and readings.
type scripts struct {
	grant, renew, sweep, end, drop, note, announce, show *redis.Script
}

func newScripts() scripts {
	script := func(text string) *redis.Script { return redis.NewScript(prelude + text) }
	return scripts{
		grant: script(grantText), renew: script(renewText), sweep: script(sweepText), end: script(endText),
		drop: script(dropText), note: script(noteText), announce: script(announceText), show: script(showText),
	}
}
