// Package ofrepapi serves the OpenFeature Remote Evaluation Protocol 0.3, and the stream
// of its ADR 0008 that notifies clients of changed flags. Evaluation belongs to
// application/flagapp.
package ofrepapi
