// Package registry tests the registry, discovery and leases through HTTP.
package registry
