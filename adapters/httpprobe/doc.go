// Package httpprobe makes health checks over HTTP, TCP and gRPC, through a dialer
// that refuses addresses which checks may not reach.
//
// It is not for when checks are made, nor for what their results mean.
package httpprobe
