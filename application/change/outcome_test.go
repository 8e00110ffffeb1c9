package change_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

func TestUnknown(t *testing.T) {
	t.Parallel()
	for _, known := range []error{
		nil, scope.ErrStale, scope.ErrAlreadyExists, scope.Exists(7), fault.Bad("key", "is wrong"), fault.ErrContended,
		fault.ErrReadOnly, fault.ErrUnavailable.WithCause(fmt.Errorf("%w: refused", fault.ErrUnreached)),
	} {
		assert.False(t, change.OutcomeUnknown(known), "%v", known)
	}
	for _, unknown := range []error{
		fault.ErrUnavailable, fault.ErrInternal, errors.New("unexpected EOF"), context.Canceled, context.DeadlineExceeded,
		fault.ErrUnavailable.WithCause(errors.New("the connection was lost")),
	} {
		assert.True(t, change.OutcomeUnknown(unknown), "%v", unknown)
	}
}
