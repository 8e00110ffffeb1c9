// Package secret holds the one type that carries decrypted values and keys
// through the program.
//
// It is not encryption; that is behind ports.Cipher. It only sees to it that a
// value which reaches a format verb, an encoder or a logger by mistake shows
// nothing.
package secret
