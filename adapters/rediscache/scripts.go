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

//go:embed lua/due.lua
var dueText string

//go:embed lua/expire.lua
var expireText string

//go:embed lua/remove.lua
var removeText string

//go:embed lua/note.lua
var noteText string

//go:embed lua/announce.lua
var announceText string

//go:embed lua/put_service.lua
var putServiceText string

//go:embed lua/publish.lua
var publishText string

//go:embed lua/claim.lua
var claimText string

//go:embed lua/repair.lua
var repairText string

//go:embed lua/put.lua
var putText string

// The types of the keys of scripts, as TYPE names them.
const (
	hash   = "hash"
	sorted = "zset"
)

// script runs inside Redis.
type script struct {
	*redis.Script
	// types are the required types of its first keys. Keys that other programs may write
	// are not among them: the script checks them itself.
	types []string
}

// scripts are the scripts of a Store.
type scripts struct {
	grant, renew, due, expire, remove, note, announce, putService, publish, claim, repair *script
}

func newScripts() scripts {
	of := func(text string, types ...string) *script {
		return &script{Script: redis.NewScript(prelude + text), types: types}
	}
	return scripts{
		grant: of(grantText, hash, sorted, sorted), renew: of(renewText, hash, sorted, sorted, hash),
		due: of(dueText, hash, sorted, sorted), expire: of(expireText, hash, sorted, sorted),
		remove: of(removeText, hash, sorted, sorted), note: of(noteText, hash, hash),
		announce: of(announceText, sorted), putService: of(putServiceText, hash), publish: of(publishText),
		claim: of(claimText, sorted), repair: of(repairText),
	}
}
