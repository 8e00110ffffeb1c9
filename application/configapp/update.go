package configapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Update is the input of Update; nil fields leave the configuration as it is.
type Update struct {
	ID          configuration.ID
	Value       *secret.Text
	Description *string
	IsEncrypted *bool
	// Expect is what the write expects of the current state.
	Expect scope.Precondition
}

// Update changes a configuration; without a difference it returns the current state.
// Turning encryption on also seals the values of its history; turning it off needs the
// right to declassify. Deleted or unknown is ErrNotFound, and a version other than the
// expected ErrStale.
func (s *Service) Update(ctx context.Context, by access.Caller, in Update) (View, error) {
	edit, err := parseEdit(in)
	if err != nil {
		return View{}, err
	}
	return s.write(ctx, by, mutation{
		ID: in.ID, Expect: in.Expect,
		Apply: func(ctx context.Context, c *configuration.Configuration) error {
			draft, err := s.edited(ctx, by, c.State(), edit)
			if err != nil {
				return err
			}
			_, err = c.Update(draft, s.stamp(by))
			return err
		},
	})
}

// edit is an Update after parsing; nil stays.
type edit struct {
	value       *configuration.Value
	description *configuration.Description
	encrypted   *bool
}

func parseEdit(in Update) (edit, error) {
	e := edit{encrypted: in.IsEncrypted}
	var valueErr, descriptionErr error
	if in.Value != nil {
		var v configuration.Value
		v, valueErr = configuration.ParseValue(in.Value.Reveal())
		e.value = &v
	}
	if in.Description != nil {
		var d configuration.Description
		d, descriptionErr = configuration.ParseDescription(*in.Description)
		e.description = &d
	}
	return e, fault.Merge(valueErr, descriptionErr)
}

// edited returns the draft after the edit of a state.
func (s *Service) edited(
	ctx context.Context, by access.Caller, state configuration.State, e edit,
) (configuration.Draft, error) {
	draft := configuration.Draft{Content: state.Content, Description: state.Description}
	if e.description != nil {
		draft.Description = *e.description
	}
	wasEncrypted := state.Content.Encrypted()
	encrypted := wasEncrypted
	if e.encrypted != nil {
		encrypted = *e.encrypted
	}
	if wasEncrypted && !encrypted {
		if err := by.Require(access.DeclassifyConfiguration, resourceOf(state.Identity)); err != nil {
			return draft, err
		}
	}
	if e.value == nil && encrypted == wasEncrypted {
		return draft, s.verified(ctx, by, state)
	}
	content, err := s.editedContent(ctx, by, state, e.value, encrypted)
	draft.Content = content
	return draft, err
}

// editedContent returns the new content, or the present one where the value and
// its encryption are what they were: a token is made anew only for a new value.
func (s *Service) editedContent(
	ctx context.Context, by access.Caller, state configuration.State, value *configuration.Value, encrypted bool,
) (configuration.Content, error) {
	present, err := s.open(ctx, state)
	if value == nil {
		if err != nil {
			return configuration.Content{}, s.noted(by, state, err)
		}
		v, err := configuration.ParseValue(present.Reveal())
		if err != nil {
			return configuration.Content{}, err
		}
		return s.store(ctx, v, encrypted)
	}
	unreadable := err != nil
	if !unreadable && encrypted == state.Content.Encrypted() && value.Text() == present {
		return state.Content, nil
	}
	return s.store(ctx, *value, encrypted)
}
