// Package httpprobe makes health checks over HTTP, TCP and gRPC, through a dialer that
// refuses forbidden addresses (protection against server-side request forgery).
//
// It does not decide when checks are made, nor what their results mean.
package httpprobe
