package flagapi

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/evaluation"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// maxBatch is how many flags may be named at once.
const maxBatch = 500

// body is the body of an evaluation. Bodies are reused: nothing of one may outlive its
// request.
type body struct {
	evaluation.Request
	bodyFields
}

type bodyFields struct {
	flagName    string
	named       bool
	environment string
	flagNames   []string
	listed      bool
	version     scope.Version
}

func newBody() any { return &body{Request: evaluation.NewRequest()} }

// readBody reads a request by the fields of its body; it has no query. The caller returns
// the body to the pool, also with an error.
func (a *API) readBody(c *gin.Context, in *rest.Input, field func(*body, string) error) (*body, error) {
	b, _ := a.bodies.Get().(*body)
	b.Reset()
	b.bodyFields = bodyFields{}
	a.router.SendRevision(c)
	if err := in.ReadQuery(c.Request.URL.RawQuery); err != nil {
		return b, err
	}
	if err := b.Receive(c.Writer, c.Request); err != nil {
		return b, err
	}
	return b, rest.ParseObject(&b.Object, b, evaluation.KnownName, field)
}

// readSingle reads the fields of an evaluation of one flag.
func readSingle(b *body, name string) (err error) {
	if name != "flag_name" {
		return readCommon(b, name)
	}
	b.flagName, b.named, err = b.ReadString(name)
	return err
}

// readExplain reads those of an explanation.
func readExplain(b *body, name string) error {
	if name != "version" {
		return readSingle(b, name)
	}
	token, err := b.Decoder.ReadToken()
	if err != nil || token.Kind() == 'n' {
		return err
	}
	n, parseErr := strconv.ParseInt(token.String(), 10, 64)
	if token.Kind() != '0' || parseErr != nil || n < 1 || n > rest.MaxVersion {
		b.Bad("version", "must be a whole number from 1 to 2^53")
		return b.SkipRest(token)
	}
	b.version = scope.Version(n)
	return nil
}

// readBatch reads those of an evaluation of several flags.
func readBatch(b *body, name string) error {
	if name != "flag_names" {
		return readCommon(b, name)
	}
	kind := b.Decoder.PeekKind()
	if kind != '[' {
		if kind != 'n' {
			b.Bad(name, "must be a list of names")
		}
		return b.Decoder.SkipValue()
	}
	b.listed = true
	if _, err := b.Decoder.ReadToken(); err != nil {
		return err
	}
	for b.Decoder.PeekKind() != ']' {
		null := b.Decoder.PeekKind() == 'n'
		flagName, _, err := b.ReadString(name)
		switch {
		case err != nil:
			return err
		case null:
			return fault.Bad(name, "must be a list of names")
		}
		if b.flagNames = append(b.flagNames, flagName); len(b.flagNames) > maxBatch {
			return fault.Bad(name, "must contain at most 500 names")
		}
	}
	_, err := b.Decoder.ReadToken()
	return err
}

func readCommon(b *body, name string) (err error) {
	switch name {
	case "environment":
		b.environment, _, err = b.ReadString(name)
		return err
	case "user_id":
		return b.ReadUser()
	case "context":
		return b.ReadContext()
	}
	return b.Unknown(name)
}

func (b *body) requireName() error {
	if !b.named {
		return fault.Bad("flag_name", "is required")
	}
	return nil
}

func (b *body) requireEnvironment() error {
	if b.environment == "" {
		return fault.Bad("environment", "is required")
	}
	return nil
}

func (b *body) requireContext() error {
	if b.NotObject {
		return fault.Bad("context", "must be an object")
	}
	return nil
}
