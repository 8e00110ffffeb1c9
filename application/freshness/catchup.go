package freshness

import "time"

// CatchUp is how long a request waits for a version, snapshot or revision that is newer
// than the cached state. It bounds a wait, not the staleness of a response.
const CatchUp = 2 * time.Second
