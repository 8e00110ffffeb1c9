// Package ofrepgo asks flags of a running service through OpenFeature's Go SDK. It
// is a module of its own, so that the SDK is no dependency of the product.
//
// Its test does nothing by itself: the end-to-end tests of the product run it.
package ofrepgo
