// Package fernetcipher encrypts values as Fernet tokens, over fernet-go. What it
// stores, Python's cryptography opens, and the other way round.
//
// It is not for keys of other kinds, nor for deciding what is encrypted.
package fernetcipher
