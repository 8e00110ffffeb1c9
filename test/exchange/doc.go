// Package exchange checks requests and responses against the OpenAPI document. The clients
// of the tests check every exchange: each response, and each request that was accepted.
//
// It is not for what operations mean, and it is in no binary.
package exchange
