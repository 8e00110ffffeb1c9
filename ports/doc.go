// Package ports has the interfaces that the application needs and no module owns, in
// terms of the standard library and the kernel, one file each, and the descriptor of
// modules (Module).
//
// A port whose signature names a type of a module lives with that module
// instead. This is the catalogue of both; test/contract has a suite for each:
//
//   - [Backoff]: waiting between attempts
//   - [Cipher]: encryption of values at rest
//   - [Clock]: the time
//   - [Deliveries]: what was published of the feed
//   - [Feed]: all that has changed, in one order
//   - [IDs]: identifiers and secrets
//   - [KeyRing]: a cipher of several keys, which binds tokens to their rows
//   - [Leadership]: which of several processes is the leader
//   - [AuditBacklog]: records for the audit log while the database is away
//   - [AuditTrail]: what was done, denied and revealed, in a chain
//   - [LimitClaims]: what replicas claim of rate limits
//   - [LocalCache]: cached values of this process
//   - [Publisher]: messages for a broker
//   - [Replicas]: which processes serve from one database
//   - [SharedCache]: cached values for all replicas
//   - [Stopwatch]: how time passes
//   - domain/flag.History: versions of flags as they were made
//   - domain/flag.Repository: feature flags
//   - domain/flag.Source: what snapshots of all flags are loaded from
//   - domain/access.Keys: API keys and the server's secret
//   - domain/access.KeyChanges: notifications of changed API keys
//   - domain/access.KeyUses: when API keys were last used
//   - domain/access/trust.Store: issuers, bindings and the keys of logins
//   - domain/access/trust.Verifier: signatures and claims of tokens
//   - domain/configuration.History: versions as they were made
//   - domain/configuration.Repository: configurations
//   - domain/configuration.Vault: tokens of encrypted values
//   - domain/registry.Directory: services as readers of the lease store see them
//   - domain/registry.History: transitions of instances
//   - domain/registry.Leases: until when leases of instances run
//   - domain/registry.Members: which replicas are alive
//   - domain/registry.Readings: recent observations of instances
//   - domain/registry.Repository: services and their instances
//   - domain/registry.Source: what the catalogue of all services is loaded from
//   - domain/registry/health.Prober: active health checks
//
// It is not for adapters' own needs, nor for what only one adapter offers.
package ports
