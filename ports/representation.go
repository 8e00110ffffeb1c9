package ports

// Representation is an encoded response with the values of its headers. It is made once
// for a cached value, and never changes.
type Representation struct {
	// ETag, LastModified and ContentLength are header values; LastModified may be nil.
	ETag, LastModified, ContentLength []string
	Body                              []byte
}
