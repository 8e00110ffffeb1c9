package ofrepgo_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
	"github.com/stretchr/testify/require"
)

// request is one evaluation of a flag.
type request struct {
	ID      string            `json:"id"`
	Flag    string            `json:"flag"`
	Type    string            `json:"type"`
	Default any               `json:"default"`
	Context map[string]any    `json:"context"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Auth    string            `json:"auth"`
	Key     string            `json:"key"`
}

// result is what the SDK returned.
type result struct {
	ID        string `json:"id"`
	Value     any    `json:"value"`
	Type      string `json:"type"`
	Variant   string `json:"variant"`
	Reason    string `json:"reason"`
	ErrorCode string `json:"error_code"`
}

// TestEvaluate evaluates every request of the file SIGNALBOX_QUESTIONS and writes the
// results to the file SIGNALBOX_ANSWERS. The requests and their expected results are in
// the product's test/e2e/client/openfeature_test.go, which runs this test.
func TestEvaluate(t *testing.T) {
	t.Parallel()
	path := os.Getenv("SIGNALBOX_QUESTIONS")
	if path == "" {
		t.Skip("left out, there is no SIGNALBOX_QUESTIONS: this test is run by the product's test/e2e/client")
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var requests []request
	require.NoError(t, json.Unmarshal(text, &requests))
	results := make([]result, 0, len(requests))
	for _, r := range requests {
		results = append(results, resultOf(t, r))
	}
	text, err = json.Marshal(results)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(os.Getenv("SIGNALBOX_ANSWERS"), text, 0o600))
}

// resultOf evaluates one request with a separate provider.
func resultOf(t *testing.T, r request) result {
	t.Helper()
	require.NoError(t, openfeature.SetNamedProviderAndWait(r.ID, provider(r)))
	targetingKey, _ := r.Context["targetingKey"].(string)
	delete(r.Context, "targetingKey")
	value, details, err := evaluate(t, openfeature.NewClient(r.ID), r,
		openfeature.NewEvaluationContext(targetingKey, r.Context))
	// The SDK reports an error twice, and both reports must agree.
	require.Equal(t, details.ErrorCode != "", err != nil, "%s: %v", r.ID, err)
	return result{
		ID: r.ID, Value: value, Type: fmt.Sprintf("%T", value),
		Variant: details.Variant, Reason: string(details.Reason), ErrorCode: string(details.ErrorCode),
	}
}

func provider(r request) *ofrep.Provider {
	key := r.Key
	if key == "" {
		key = os.Getenv("SIGNALBOX_KEY")
	}
	options := []ofrep.Option{ofrep.WithBearerToken(key)}
	if r.Auth == "X-API-Key" {
		options = []ofrep.Option{ofrep.WithApiKeyAuth(key)}
	}
	for name, value := range r.Headers {
		options = append(options, ofrep.WithHeader(name, value))
	}
	return ofrep.NewProvider(os.Getenv("SIGNALBOX_URL")+r.Path, options...)
}

func evaluate(
	t *testing.T, c *openfeature.Client, r request, evaluation openfeature.EvaluationContext,
) (any, openfeature.EvaluationDetails, error) {
	t.Helper()
	switch r.Type {
	case "boolean":
		d, err := c.BooleanValueDetails(t.Context(), r.Flag, r.Default.(bool), evaluation)
		return d.Value, d.EvaluationDetails, err
	case "string":
		d, err := c.StringValueDetails(t.Context(), r.Flag, r.Default.(string), evaluation)
		return d.Value, d.EvaluationDetails, err
	case "integer":
		d, err := c.IntValueDetails(t.Context(), r.Flag, int64(r.Default.(float64)), evaluation)
		return d.Value, d.EvaluationDetails, err
	case "float":
		d, err := c.FloatValueDetails(t.Context(), r.Flag, r.Default.(float64), evaluation)
		return d.Value, d.EvaluationDetails, err
	case "object":
		d, err := c.ObjectValueDetails(t.Context(), r.Flag, r.Default, evaluation)
		return d.Value, d.EvaluationDetails, err
	}
	require.FailNow(t, "unknown type", "%s", r.Type)
	return nil, openfeature.EvaluationDetails{}, nil
}
