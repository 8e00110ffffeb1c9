package watermillbus

import (
	"fmt"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// scramClient performs one login by SCRAM (RFC 5802), as sarama calls it.
type scramClient struct {
	mechanism    Mechanism
	conversation *scram.ClientConversation
}

var _ sarama.SCRAMClient = (*scramClient)(nil)

// Begin starts the login. Like Kafka's own clients it takes the name and the password as they
// are, without SASLprep (RFC 4013), which could change them.
func (c *scramClient) Begin(username, password, authorization string) error {
	hash := scram.SHA256
	if c.mechanism.name == sarama.SASLTypeSCRAMSHA512 {
		hash = scram.SHA512
	}
	client, err := hash.NewClientUnprepped(username, password, authorization)
	if err != nil {
		return fmt.Errorf("log in by SCRAM: %w", err)
	}
	c.conversation = client.NewConversation()
	return nil
}

// Step returns the answer to a challenge.
func (c *scramClient) Step(challenge string) (string, error) {
	answer, err := c.conversation.Step(challenge)
	if err != nil {
		return "", fmt.Errorf("log in by SCRAM: %w", err)
	}
	return answer, nil
}

// Done reports whether the login has ended.
func (c *scramClient) Done() bool { return c.conversation.Done() }
