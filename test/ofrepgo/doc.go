// Package ofrepgo evaluates flags of a running service through OpenFeature's Go SDK.
// It is a separate module, so that the SDK is no dependency of the product.
//
// Its test is skipped unless the end-to-end tests of the product run it.
package ofrepgo
