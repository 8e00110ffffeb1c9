package flagapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// evaluate sends one decision in the terms of the original.
func (a *API) evaluate(c *gin.Context, in *rest.Input) {
	b, ok := a.readOne(c, in, readSingle)
	defer a.bodies.Put(b)
	if !ok {
		return
	}
	ctx := c.Request.Context()
	e, err := a.flags.Evaluate(ctx, rest.CallerOf(ctx), flagapp.Evaluate{
		Name: b.flagName, Environment: b.environment, Context: &b.Context,
	})
	if err == nil && errors.Is(e.Err(), flag.ErrDamaged) {
		err = flag.ErrDamaged
	}
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	b.Answer = b.appendEvaluation(b.Answer, &e)
	rest.SendStale(c, a.flags.Staleness())
	a.router.SendJSON(c, b.Answer)
}

// readOne reads a request about one flag, and rejects an invalid one.
func (a *API) readOne(c *gin.Context, in *rest.Input, field func(*body, string) error) (b *body, ok bool) {
	b, err := a.readBody(c, in, field)
	if err == nil {
		err = fault.Merge(b.requireName(), b.requireContext(), b.requireEnvironment())
	}
	if err != nil {
		a.router.Fail(c, err)
	}
	return b, err == nil
}

// evaluateBatch sends the decisions for several flags on one snapshot: those that are
// named, in that order, or all by name.
func (a *API) evaluateBatch(c *gin.Context, in *rest.Input) {
	b, err := a.readBody(c, in, readBatch)
	defer a.bodies.Put(b)
	if err == nil {
		err = fault.Merge(b.requireContext(), b.requireEnvironment())
	}
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	ctx := c.Request.Context()
	all, err := a.flags.EvaluateAll(ctx, rest.CallerOf(ctx), flagapp.EvaluateAll{
		Environment: b.environment, Names: b.flagNames, Listed: b.listed, Context: &b.Context,
	})
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	a.sendBatch(c, b, &all)
}

func (a *API) sendBatch(c *gin.Context, b *body, all *flagapp.Evaluations) {
	b.Answer = append(append(append(b.Answer, `{"environment":"`...), b.environment...), `","revision":`...)
	b.Answer = strconv.AppendInt(b.Answer, all.Revision(), 10)
	b.Answer = append(b.Answer, `,"evaluations":[`...)
	rest.SendStale(c, a.flags.Staleness())
	out := a.router.Chunks(c)
	var e flagapp.Evaluated
	for i := range all.Len() {
		if i > 0 {
			b.Answer = append(out.Spill(b.Answer), ',')
		}
		if err := all.At(i, &e); err != nil {
			a.router.FailChunks(c, &out, err)
			return
		}
		b.Answer = b.appendEvaluation(b.Answer, &e)
	}
	out.End(append(b.Answer, "]}"...))
}

// appendEvaluation encodes the decision for a flag.
func (b *body) appendEvaluation(to []byte, e *flagapp.Evaluated) []byte {
	if e.Flag != nil {
		return appendDecision(to, e.Flag, e.Decision)
	}
	to = append(append(to, `{"enabled":false,"reason":"`...), missingReason(e)...)
	to = append(to, `","flag_name":`...)
	to = rest.AppendMember(rest.AppendQuoted(to, e.Name), "environment", b.environment)
	return append(to, `,"variant":null,"value":null,"version":null}`...)
}

// missingReason is the reason where there is no flag to evaluate.
func missingReason(e *flagapp.Evaluated) string {
	if errors.Is(e.Err(), flag.ErrDamaged) {
		return "damaged"
	}
	return "flag_not_found"
}

// appendDecision encodes a decision in the terms of the original. Names need no escapes.
func appendDecision(to []byte, f *flag.Compiled, d flag.Decision) []byte {
	to = strconv.AppendBool(append(to, `{"enabled":`...), enabled(f, d))
	to = append(to, `,"reason":"`...)
	to = appendReason(to, f, d)
	to = append(append(to, `","flag_name":"`...), f.Name()...)
	to = append(append(to, `","environment":"`...), f.Environment()...)
	if d.Variant == nil {
		to = append(to, `","variant":null,"value":null,"version":`...)
	} else {
		to = append(append(to, `","variant":"`...), d.Variant.Name...)
		to = append(append(to, `","value":`...), d.Variant.JSON()...)
		to = append(to, `,"version":`...)
	}
	return append(strconv.AppendInt(to, int64(d.Version), 10), '}')
}

// enabled is whether a boolean flag gave true, and whether another served a
// variant that does not stand for off.
func enabled(f *flag.Compiled, d flag.Decision) bool {
	if d.Variant == nil {
		return false
	}
	if f.Type() == flag.Boolean {
		return d.Variant.On()
	}
	return d.Variant != f.Off()
}

// appendReason encodes the reason in the terms of the original, which had none for some.
func appendReason(to []byte, f *flag.Compiled, d flag.Decision) []byte {
	boolean := f.Type() == flag.Boolean
	switch {
	case d.Reason == flag.Missing:
		return append(to, "targeting_key_missing"...)
	case d.Reason == flag.Oversized:
		return append(to, "invalid_context"...)
	case d.Reason == flag.Disabled:
		return append(to, "globally_disabled"...)
	case d.Rule != "":
		return append(to, "rule_matched"...)
	case d.Reason == flag.TargetingMatch:
		return append(to, "user_targeted"...)
	case !boolean:
		return append(to, "default"...)
	case !d.Variant.On():
		return append(to, "rollout_excluded"...)
	case d.Reason == flag.Split:
		return append(append(to, "rollout_percentage_"...), flag.Percentage(d.Share)...)
	}
	return append(to, "globally_enabled"...)
}

// explain sends a decision with all that led to it.
func (a *API) explain(c *gin.Context, in *rest.Input) {
	b, ok := a.readOne(c, in, readExplain)
	defer a.bodies.Put(b)
	if !ok {
		return
	}
	shown, err := a.explanation(c.Request.Context(), b)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	c.Data(http.StatusOK, rest.JSONMediaType, shown)
}

// explanation returns an encoded explanation, with its memory reserved.
func (a *API) explanation(ctx context.Context, b *body) ([]byte, error) {
	place, err := a.loads.Reserve(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer place.Release()
	found, err := a.flags.Explain(ctx, rest.CallerOf(ctx), flagapp.Explain{
		Name: b.flagName, Environment: b.environment, Version: b.version, Context: &b.Context,
	})
	if err != nil {
		return nil, err
	}
	shown, err := representExplanation(found)
	if err == nil {
		err = a.router.ReserveResponse(ctx, len(shown))
	}
	return shown, err
}
