package configapp

import (
	"context"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
)

// sharedCache is the cache of all replicas.
type sharedCache = ports.SharedCache[configuration.Locator, configuration.State]

// readable is a shared cache in which a token is a miss whose recorded key this replica does
// not have: it was cached by a replica with other keys, or before its key was retired.
type readable struct {
	sharedCache

	fingerprints []string
}

// onlyReadable returns a shared cache as readable, and none for none.
func onlyReadable(shared sharedCache, ring ports.KeyRing) sharedCache {
	if shared == nil {
		return nil
	}
	return readable{sharedCache: shared, fingerprints: ring.Fingerprints()}
}

// Get returns the value of a key, or false.
func (r readable) Get(
	ctx context.Context, key configuration.Locator,
) (ports.SharedValue[configuration.State], bool) {
	value, found := r.sharedCache.Get(ctx, key)
	recorded := value.Value.Content.Seal().Key
	if recorded != "" && !slices.Contains(r.fingerprints, recorded) {
		return ports.SharedValue[configuration.State]{}, false
	}
	return value, found
}
