package configapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// store returns the value as it is to be stored.
func (s *Service) store(ctx context.Context, v configuration.Value, encrypted bool) (configuration.Content, error) {
	plain := configuration.Plain(v)
	if !encrypted {
		return plain, nil
	}
	return s.sealer(ctx)(plain)
}

func (s *Service) sealer(ctx context.Context) configuration.Sealer {
	return func(plain configuration.Content) (configuration.Content, error) {
		token, err := s.deps.Cipher.Encrypt(ctx, plain.Stored())
		if err != nil {
			return configuration.Content{}, err
		}
		return configuration.Sealed(token), nil
	}
}

// open returns the value of a state, decrypting it where needed. A token that
// cannot be opened names the configuration's id and version.
func (s *Service) open(ctx context.Context, state configuration.State) (secret.Text, error) {
	if !state.Content.Encrypted() {
		return state.Content.Stored(), nil
	}
	text, err := s.deps.Cipher.Decrypt(ctx, state.Content.Stored().Reveal())
	if errors.Is(err, ports.ErrDecryptionFailed) {
		return secret.Text{}, fault.Of(err).
			WithDetail("id", int64(state.ID)).WithDetail("version", int64(state.Version))
	}
	return text, err
}
