// Package auditapi serves the operations of the audit log: list, verify and head.
package auditapi
