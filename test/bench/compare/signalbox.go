package main

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
)

// signalboxServer is Signalbox on SQLite with its default settings.
func signalboxServer(binary string) server {
	return server{name: "Signalbox", start: func(ctx context.Context, dir string) (*running, error) {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		var key string
		_, port, _ := net.SplitHostPort(address)
		for _, arguments := range [][]string{{"migrate", "up"}, {"key", "create", "--name", "compare", "--role", "admin"}} {
			if key, err = output(ctx, dir, binary, arguments...); err != nil {
				return nil, err
			}
		}
		p, err := launch(ctx, dir, "http://"+address+"/readyz",
			[]string{"SERVICE_PORT=" + port}, binary, "serve")
		if err != nil {
			return nil, err
		}
		r := &running{process: p}
		root, auth := "http://"+address+"/api/v1", "ApiKey "+key
		for i := range clients {
			body := fmt.Sprintf(`{"key":"database.url.%d","value":%q,"environment":"production","service_name":"shop"}`, i, value)
			if err := call(ctx, "POST", root+"/config/", auth, body); err != nil {
				return r, err
			}
		}
		err = call(ctx, "POST", root+"/feature-flags/", auth,
			`{"name":"new_checkout_flow","environment":"production","is_enabled":true,"rollout_percentage":50}`)
		header := "Authorization: " + auth + "\r\nContent-Type: application/json\r\n"
		var writes atomic.Int64
		r.loads = []load{
			{name: "read a configuration", connect: overHTTP(address, "GET",
				"/api/v1/config/database.url.0?environment=production&service_name=shop", header, nil)},
			{name: "write a configuration", connect: func(ctx context.Context, client int) (func() error, func(), error) {
				return overHTTP(address, "PUT", fmt.Sprintf("/api/v1/config/%d", client+1), header, func(int) string {
					return fmt.Sprintf(`{"value":"%s&n=%d"}`, value, writes.Add(1))
				})(ctx, client)
			}},
			{name: "evaluate a flag", protocol: " (OFREP)", connect: overHTTP(address, "POST",
				"/ofrep/v1/evaluate/flags/new_checkout_flow", header, func(int) string {
					return `{"context":{"targetingKey":"user123"}}`
				})},
		}
		return r, err
	}}
}
