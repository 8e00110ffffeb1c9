package ports

import "time"

// Representation is an encoded response with the values of its headers. It is made once
// for a cached value, and never changes.
type Representation struct {
	// ETag, LastModified and ContentLength are header values; LastModified may be nil.
	ETag, LastModified, ContentLength []string
	// Modified is when the state was changed; zero where LastModified is nil.
	Modified time.Time
	// Secret responses have a value that was stored encrypted, and may be stored nowhere.
	Secret bool
	Body   []byte
}
