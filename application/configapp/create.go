package configapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Create says what to create.
type Create struct {
	Key         string
	Value       secret.Text
	Environment string
	ServiceName string
	// Description is nil for none.
	Description *string
	IsEncrypted bool
}

// Create stores a new configuration, or brings a deleted one of that identity
// back, whose id and version go on. Where one lives it is ErrAlreadyExists with
// its id. An encrypted one needs encryption: ErrEncryptionUnavailable.
func (s *Service) Create(ctx context.Context, by access.Caller, in Create) (View, error) {
	identity, idErr := s.parseIdentity(in.Environment, in.ServiceName, in.Key)
	value, valueErr := configuration.ParseValue(in.Value.Reveal())
	description, descriptionErr := parseDescription(in.Description)
	if err := fault.Merge(idErr, valueErr, descriptionErr); err != nil {
		return View{}, err
	}
	if err := by.Require(access.WriteConfiguration, resourceOf(identity)); err != nil {
		return View{}, err
	}
	content, err := s.store(ctx, value, in.IsEncrypted)
	if err != nil {
		return View{}, err
	}
	draft := configuration.Draft{Content: content, Description: description}
	var created View
	err = change.UntilSaved(ctx, s.deps.Backoff, func() error {
		created, err = s.createOrRecreate(ctx, by, identity, draft)
		return err
	})
	return created, err
}

// createOrRecreate tries the common case first, which is one round trip.
func (s *Service) createOrRecreate(
	ctx context.Context, by access.Caller, identity configuration.Identity, draft configuration.Draft,
) (View, error) {
	created, err := s.save(ctx, configuration.New(identity, draft, s.stamp(by)))
	if !errors.Is(err, configuration.ErrAlreadyExists) {
		return created, err
	}
	existing, err := s.deps.Configurations.FindByIdentity(ctx, identity)
	if err != nil {
		return View{}, err
	}
	if err := existing.Recreate(draft, s.stamp(by)); err != nil {
		return View{}, change.Final(err)
	}
	return s.save(ctx, existing)
}
