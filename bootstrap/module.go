package bootstrap

import (
	"context"

	"go.uber.org/fx"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/ports"
)

// Module is a module of the service: what describes it, and what wires it.
type Module struct {
	Descriptor ports.Module
	// Store is what the module's repositories add to the store.
	Store bunstore.Module
	// Operations are the module's without use cases, for the OpenAPI document; nil where
	// ginapi lists them itself.
	Operations ginapi.Module
	// Options provide the module's use cases, and its values of the groups "operations"
	// (ginapi.Module), "subscribers" (changefeed.Subscriber) and "conditions"
	// (ports.Conditions).
	Options fx.Option
}

// modules returns the modules of the service. A new one is added here.
func modules() []Module {
	return []Module{configurationModule(), flagModule(), registryModule()}
}

// Descriptors returns the descriptors of the service's modules.
func Descriptors() ports.Modules {
	var list []ports.Module
	for _, m := range modules() {
		list = append(list, m.Descriptor)
	}
	return ports.NewModules(list...)
}

// operations returns the operations that ginapi does not list itself.
func operations() []ginapi.Module {
	var list []ginapi.Module
	for _, m := range modules() {
		if m.Operations != nil {
			list = append(list, m.Operations)
		}
	}
	return list
}

// option provides the module's descriptor to the group "modules" and its part of the
// store to the group "stores", and wires it.
func (m Module) option() fx.Option {
	return fx.Module(m.Descriptor.AggregateType,
		fx.Supply(fx.Annotate(m.Descriptor, fx.ResultTags(`group:"modules"`))), stored(m.Store), m.Options)
}

// stored provides a module's part of the store to the group "stores".
func stored(m bunstore.Module) fx.Option {
	return fx.Supply(fx.Annotate(m, fx.ResultTags(`group:"stores"`)))
}

// wired returns what wires modules.
func wired(modules []Module) fx.Option {
	var options []fx.Option
	for _, m := range modules {
		options = append(options, m.option())
	}
	return fx.Options(options...)
}

// moduleParts are the descriptors that modules provide.
type moduleParts struct {
	fx.In

	Descriptors []ports.Module `group:"modules"`
}

func newModules(p moduleParts) ports.Modules { return ports.NewModules(p.Descriptors...) }

// subscribed provides use cases to the group "subscribers": they apply the change feed.
func subscribed[S changefeed.Subscriber]() fx.Option {
	return fx.Provide(fx.Annotate(func(s S) changefeed.Subscriber { return s }, fx.ResultTags(`group:"subscribers"`)))
}

// conditions provides the result of a constructor to the group "conditions", which /health
// lists.
func conditions(constructor any) fx.Option {
	return fx.Provide(fx.Annotate(constructor, fx.ResultTags(`group:"conditions"`)))
}

// runLoops runs loops from the end of the start until the stop, which waits for them. Load,
// if it is not nil, must succeed before.
func runLoops(
	lc fx.Lifecycle, reporter *loop.Reporter, load func(context.Context) error, loops ...loop.Loop,
) {
	group := loop.NewGroup(reporter, loops...)
	lc.Append(fx.StartStopHook(
		func(ctx context.Context) error {
			if load != nil {
				if err := load(ctx); err != nil {
					return err
				}
			}
			group.Start() //nolint:contextcheck // loops outlive the start
			return nil
		},
		group.Stop,
	))
}
