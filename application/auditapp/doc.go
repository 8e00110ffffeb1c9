// Package auditapp is the use cases of the audit log: seal what was done, note what was
// denied or revealed, and list and verify entries.
package auditapp
