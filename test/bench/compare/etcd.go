package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
)

// serveEtcd runs etcd with its default configuration as this process; arguments are its
// client URL, its peer URL and its data directory, separated by commas.
func serveEtcd(argument string) error {
	parts := strings.Split(argument, ",")
	client, err := url.Parse(parts[0])
	if err != nil {
		return err
	}
	peer, err := url.Parse(parts[1])
	if err != nil {
		return err
	}
	c := embed.NewConfig()
	c.Dir, c.LogLevel = parts[2], "error"
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	e, err := embed.StartEtcd(c)
	if err != nil {
		return err
	}
	return <-e.Err()
}

// etcdServer is a single etcd, over its JSON gateway and over gRPC.
func etcdServer() server {
	return server{name: "etcd", start: func(ctx context.Context, dir string) (*running, error) {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		peer, err := freeAddress()
		if err != nil {
			return nil, err
		}
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		p, err := launch(ctx, dir, "http://"+address+"/health", nil,
			self, "etcd", "http://"+address+",http://"+peer+","+dir+"/data")
		if err != nil {
			return nil, err
		}
		r := &running{process: p}
		encoded := base64.StdEncoding.EncodeToString
		put := func(client int, n int64) string {
			key := fmt.Sprintf("production/shop/database.url.%d", client)
			return fmt.Sprintf(`{"key":%q,"value":%q}`, encoded([]byte(key)), encoded(fmt.Appendf(nil, "%s&n=%d", value, n)))
		}
		for i := range clients {
			if err := call(ctx, "POST", "http://"+address+"/v3/kv/put", "", put(i, 0)); err != nil {
				return r, err
			}
		}
		var writes atomic.Int64
		const header = "Content-Type: application/json\r\n"
		get := fmt.Sprintf(`{"key":%q`, encoded([]byte("production/shop/database.url.0")))
		r.loads = []load{
			{name: "read a configuration", protocol: " (JSON, serializable)", connect: overHTTP(
				address, "POST", "/v3/kv/range", header, func(int) string { return get + `,"serializable":true}` })},
			{name: "read a configuration", protocol: " (JSON, linearizable)", connect: overHTTP(
				address, "POST", "/v3/kv/range", header, func(int) string { return get + `}` })},
			{name: "read a configuration", protocol: " (gRPC, serializable)", connect: overGRPC(address,
				func(ctx context.Context, c *clientv3.Client, _ int) error {
					_, err := c.Get(ctx, "production/shop/database.url.0", clientv3.WithSerializable())
					return err
				})},
			{name: "write a configuration", protocol: " (JSON)", connect: overHTTP(
				address, "POST", "/v3/kv/put", header, func(client int) string { return put(client, writes.Add(1)) })},
			{name: "write a configuration", protocol: " (gRPC)", connect: overGRPC(address,
				func(ctx context.Context, c *clientv3.Client, client int) error {
					_, err := c.Put(ctx, fmt.Sprintf("production/shop/database.url.%d", client),
						fmt.Sprintf("%s&n=%d", value, writes.Add(1)))
					return err
				})},
		}
		return r, nil
	}}
}

// overGRPC returns a connect function for etcd's own client.
func overGRPC(
	address string, once func(context.Context, *clientv3.Client, int) error,
) func(context.Context, int) (func() error, func(), error) {
	return func(ctx context.Context, client int) (func() error, func(), error) {
		c, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, Context: ctx})
		if err != nil {
			return nil, nil, err
		}
		return func() error { return once(ctx, c, client) }, func() { _ = c.Close() }, nil
	}
}
