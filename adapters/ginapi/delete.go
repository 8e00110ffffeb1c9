package ginapi

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/configapp"
)

type deleteInput struct {
	Target
	Precondition
}

func (a *API) delete(ctx context.Context, in *deleteInput) (*struct{}, error) {
	_, err := a.options.Configurations.Delete(ctx, callOf(ctx).caller, configapp.Delete{
		ID: in.id(), Expect: in.expect,
	})
	return nil, err
}
