// Package secret defines the type of decrypted values and keys.
//
// It is not encryption; that is behind ports.Cipher. It ensures that a value which
// reaches a format verb, an encoder or a logger by mistake is redacted.
package secret
