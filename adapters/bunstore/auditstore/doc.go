// Package auditstore stores the audit log in a bunstore.Store.
package auditstore
