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

//go:embed lua/publish.lua
var publishText string

//go:embed lua/claim.lua
var claimText string

//go:embed lua/repair.lua
var repairText string

//go:embed lua/keep.lua
var keepText string

// The kinds of the keys of scripts, as TYPE names them.
const (
	hash   = "hash"
	sorted = "zset"
)

// script runs inside Redis.
type script struct {
	*redis.Script
	// kinds are those that its first keys have to be. Keys that others may write are
	// not among them: such a script takes care of them itself.
	kinds []string
}

// scripts are what runs inside Redis for leases, readings, and those who read them.
type scripts struct {
	grant, renew, sweep, end, drop, note, announce, show, publish, claim, repair *script
}

func newScripts() scripts {
	of := func(text string, kinds ...string) *script {
		return &script{Script: redis.NewScript(prelude + text), kinds: kinds}
	}
	return scripts{
		grant: of(grantText, hash, sorted, sorted), renew: of(renewText, hash, sorted, sorted, hash),
		sweep: of(sweepText, hash, sorted, sorted), end: of(endText, hash, sorted, sorted),
		drop: of(dropText, hash, sorted, sorted), note: of(noteText, hash, hash),
		announce: of(announceText, sorted), show: of(showText, hash), publish: of(publishText),
		claim: of(claimText, sorted), repair: of(repairText),
	}
}
