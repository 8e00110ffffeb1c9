// Package etag has the entity tags of Versions, and parses those of requests (RFC 9110, sections
// 8.8.3 and 13).
package etag
