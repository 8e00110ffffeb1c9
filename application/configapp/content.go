package configapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/access"
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
		key := s.deps.Cipher.Fingerprint()
		token, err := s.deps.Cipher.EncryptUnder(ctx, key, plain.Stored())
		if err != nil {
			return configuration.Content{}, err
		}
		return configuration.SealedUnder(key, token), nil
	}
}

// open returns the value of a state, decrypting it where needed. A token that cannot be
// opened, or does not belong to the state, names the configuration's id and version.
func (s *Service) open(ctx context.Context, state configuration.State) (secret.Text, error) {
	if !state.Content.Encrypted() {
		return state.Content.Stored(), nil
	}
	text, err := s.deps.Cipher.Decrypt(ctx, state.Content.Stored().Reveal())
	if err == nil {
		err = s.binding.verify(ctx, state.Content, ownerOf(state))
	}
	if err != nil {
		return secret.Text{}, unopened(state, err)
	}
	return text, nil
}

// unopened adds the configuration's id and version to the error of a token.
func unopened(state configuration.State, err error) error {
	if !errors.Is(err, ports.ErrDecryptionFailed) && !errors.Is(err, ports.ErrTokenTampered) {
		return err
	}
	return fault.Of(err).WithDetail("id", int64(state.ID)).WithDetail("version", int64(state.Version))
}

// noted returns an error, after it has recorded for the caller that a token is tampered.
func (s *Service) noted(by access.Caller, state configuration.State, err error) error {
	if errors.Is(err, ports.ErrTokenTampered) {
		s.deps.Reveals.Tampered(by, resourceOf(state.Identity), int64(state.Version))
	}
	return err
}
