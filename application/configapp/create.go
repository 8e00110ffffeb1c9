package configapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Create is the input of Create.
type Create struct {
	Key         string
	Value       secret.Text
	Environment string
	ServiceName string
	// Description is nil for none.
	Description *string
	IsEncrypted bool
}

// Create stores a new configuration, or creates a deleted one of that identity again; its
// id and version continue. Where one exists it is ErrAlreadyExists with its id. An
// encrypted one needs encryption: ErrEncryptionUnavailable.
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
	create := func() *configuration.Configuration { return configuration.New(identity, draft, s.stamp(by)) }
	return viewOf(s.writer.Create(ctx, create, func(ctx context.Context) (*configuration.Configuration, error) {
		existing, err := s.deps.Configurations.FindByIdentity(ctx, identity)
		if err != nil {
			return nil, err
		}
		return existing, existing.Recreate(draft, s.stamp(by))
	}))
}
