// Package encryptionapi serves the operations of encryption keys: status and rotation.
package encryptionapi
