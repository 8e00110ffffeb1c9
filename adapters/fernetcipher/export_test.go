package fernetcipher

import (
	"time"

	"github.com/fernet/fernet-go"

	"github.com/signalbox-hq/signalbox/domain/secret"
)

// EncryptAtForTest encrypts as Encrypt does, at another time.
func (c *Cipher) EncryptAtForTest(plaintext secret.Text, at time.Time) (string, error) {
	token, err := fernet.EncryptAndSignAtTime([]byte(plaintext.Reveal()), c.keys[0], at)
	return string(token), err
}
