package ginapi

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// routeEvaluation registers the evaluation of flags. Programs ask for it most, so
// that it reads and writes without huma's machinery, and stands in the same
// document.
func (a *API) routeEvaluation() {
	a.routes.evaluation(access.EvaluateFlag, "evaluate-flag", flagsPath+"evaluate", "Evaluate a feature flag",
		reflect.TypeFor[evaluateJSON](), reflect.TypeFor[evaluationJSON](), a.evaluate)
	a.routes.evaluation(access.EvaluateFlag, "evaluate-flags", flagsPath+"evaluate/batch",
		"Evaluate several feature flags, or all, as they stood together",
		reflect.TypeFor[evaluateBatchJSON](), reflect.TypeFor[batchJSON](), a.evaluateBatch)
	a.routes.evaluation(access.ReadFlag, "explain-flag", flagsPath+"explain",
		"Evaluate a feature flag, as it stands or stood, and say what each step found",
		reflect.TypeFor[explainJSON](), reflect.TypeFor[explanationJSON](), a.explain, http.StatusNotFound)
}

// evaluation registers a handler that reads its body itself.
func (r *router) evaluation(
	action access.Action, id, path, summary string, in, out reflect.Type, answer func(*gin.Context), problems ...int,
) {
	op := needing(action, r.api.flagOperation(id, http.MethodPost, path, summary,
		append(problems, http.StatusRequestEntityTooLarge)...))
	op.Responses["200"] = r.api.jsonResponse(http.StatusOK, out)
	op.RequestBody = r.api.requestBody(in)
	r.api.huma.OpenAPI().AddOperation(&op)
	strict := intake{}
	r.mount(&op, func(c *gin.Context) {
		this := callOf(c.Request.Context())
		this.operation, this.reads = &op, true
		r.api.tellRevision(c)
		if _, err := strict.readQuery(c.Request.URL.RawQuery); err != nil {
			r.api.fail(c, err)
			return
		}
		answer(c)
	})
}

// evaluate answers with the original's words.
func (a *API) evaluate(c *gin.Context) {
	b, ok := a.askedOfOne(c, single)
	defer a.forget(b)
	if !ok {
		return
	}
	s, err := a.options.Flags.Snapshot(c.Request.Context(), callOf(c.Request.Context()).caller, b.environment)
	if err != nil {
		a.fail(c, err)
		return
	}
	if s.Find(b.flagName) == nil && errors.Is(s.Missing(b.flagName), flag.ErrDamaged) {
		a.fail(c, flag.ErrDamaged)
		return
	}
	if b.answer, err = b.appendEvaluation(b.answer, s, b.flagName); err != nil {
		a.fail(c, err)
		return
	}
	a.sendEvaluation(c, b.answer)
}

// askedOfOne reads a call about one flag, and answers one that is wrong.
func (a *API) askedOfOne(c *gin.Context, members func(*evaluationBody, string) error) (b *evaluationBody, ok bool) {
	b, err := a.evaluationBody(c.Writer, c.Request, members)
	if err == nil {
		err = fault.Merge(b.needsName(), b.needsContext(), b.needsEnvironment())
	}
	if err != nil {
		a.fail(c, err)
	}
	return b, err == nil
}

func (b *evaluationBody) needsName() error {
	if !b.named {
		return fault.Bad("flag_name", "is required")
	}
	return nil
}

func (b *evaluationBody) needsEnvironment() error {
	if b.environment == "" {
		return fault.Bad("environment", "is required")
	}
	return nil
}

func (b *evaluationBody) needsContext() error {
	if b.noContext {
		return fault.Bad("context", "must be an object")
	}
	return nil
}

// evaluateBatch answers for several flags on one snapshot: those that are named,
// in that order, or all by name.
func (a *API) evaluateBatch(c *gin.Context) {
	b, err := a.evaluationBody(c.Writer, c.Request, batch)
	defer a.forget(b)
	if err == nil {
		err = fault.Merge(b.needsContext(), b.needsEnvironment())
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	s, err := a.options.Flags.Snapshot(c.Request.Context(), callOf(c.Request.Context()).caller, b.environment)
	if err != nil {
		a.fail(c, err)
		return
	}
	if !b.listed {
		for _, f := range s.All() {
			b.flagNames = append(b.flagNames, f.Name())
		}
		b.flagNames = append(b.flagNames, s.Damaged()...)
	}
	b.answer = append(b.answer, `{"environment":"`+b.environment+`","revision":`...)
	b.answer = strconv.AppendInt(b.answer, s.Revision(), 10)
	b.answer = append(b.answer, `,"evaluations":[`...)
	a.tellStaleness(c)
	out := a.spillTo(c)
	for i, name := range b.flagNames {
		if i > 0 {
			b.answer = append(out.over(b.answer), ',')
		}
		if b.answer, err = b.appendEvaluation(b.answer, s, name); err != nil {
			a.giveUp(c, &out, err)
			return
		}
	}
	b.answer = append(b.answer, "]}"...)
	out.end(b.answer)
}

// sendEvaluation writes an answer, and for how long it may have been out of date.
func (a *API) sendEvaluation(c *gin.Context, body []byte) {
	a.tellStaleness(c)
	a.sendBytes(c, body)
}

// sendBytes writes prepared JSON with status 200. A write that fails means that
// the client has gone, which the access log tells.
func (a *API) sendBytes(c *gin.Context, body []byte) {
	c.Writer.Header()["Content-Type"] = a.always.json
	c.Writer.WriteHeader(http.StatusOK)
	_, _ = c.Writer.Write(body)
}

func (a *API) tellStaleness(c *gin.Context) {
	a.tellStale(c, a.options.Flags.Staleness())
}

// appendEvaluation writes what the context gets of a flag. It fails where the time
// does not suffice.
func (b *evaluationBody) appendEvaluation(to []byte, s *flagapp.Snapshot, name string) ([]byte, error) {
	f := s.Find(name)
	if f == nil {
		to = append(append(to, `{"enabled":false,"reason":"`...), missingReason(s, name)...)
		to = append(to, `","flag_name":`...)
		to = appendMember(appendQuoted(to, name), "environment", b.environment)
		return append(to, `,"variant":null,"value":null,"version":null}`...), nil
	}
	d := flag.Evaluate(f, &b.context)
	if d.Reason == flag.Late {
		return to, d.Err()
	}
	return appendDecision(to, f, d), nil
}

// missingReason is why a snapshot has no flag to evaluate.
func missingReason(s *flagapp.Snapshot, name string) string {
	if errors.Is(s.Missing(name), flag.ErrDamaged) {
		return "damaged"
	}
	return "flag_not_found"
}

// appendDecision writes a decision in the original's words. Names need no escapes.
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

// appendReason writes the original's word for why, or ours where it had none.
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

// explain answers a decision with all that led to it.
func (a *API) explain(c *gin.Context) {
	b, ok := a.askedOfOne(c, explained)
	defer a.forget(b)
	if !ok {
		return
	}
	shown, err := a.explanation(c.Request.Context(), b)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Data(http.StatusOK, jsonMediaType, shown)
}

// explanation returns an explanation as it is sent, with its memory reserved.
func (a *API) explanation(ctx context.Context, b *evaluationBody) ([]byte, error) {
	leave, err := a.enterFlagLoad(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	found, err := a.options.Flags.Explain(ctx, callOf(ctx).caller, flagapp.Explain{
		Name: b.flagName, Environment: b.environment, Version: b.version, Context: &b.context,
	})
	if err != nil {
		return nil, err
	}
	shown, err := representExplanation(found)
	if err == nil {
		err = a.holdAnswer(ctx, len(shown))
	}
	return shown, err
}
