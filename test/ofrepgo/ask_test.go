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

// question is one flag to ask, and how.
type question struct {
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

// answer is what the SDK gave.
type answer struct {
	ID        string `json:"id"`
	Value     any    `json:"value"`
	Type      string `json:"type"`
	Variant   string `json:"variant"`
	Reason    string `json:"reason"`
	ErrorCode string `json:"error_code"`
}

// TestAsk asks every question of the file SIGNALBOX_QUESTIONS and writes the
// answers to the file SIGNALBOX_ANSWERS. The questions, and what is to come of
// them, are in the product's test/e2e/client/openfeature_test.go, which runs this.
func TestAsk(t *testing.T) {
	t.Parallel()
	path := os.Getenv("SIGNALBOX_QUESTIONS")
	if path == "" {
		t.Skip("left out, there is no SIGNALBOX_QUESTIONS: this is run by the product's test/e2e/client")
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var questions []question
	require.NoError(t, json.Unmarshal(text, &questions))
	answers := make([]answer, 0, len(questions))
	for _, q := range questions {
		answers = append(answers, ask(t, q))
	}
	text, err = json.Marshal(answers)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(os.Getenv("SIGNALBOX_ANSWERS"), text, 0o600))
}

// ask asks one question of a provider of its own.
func ask(t *testing.T, q question) answer {
	t.Helper()
	require.NoError(t, openfeature.SetNamedProviderAndWait(q.ID, provider(q)))
	targetingKey, _ := q.Context["targetingKey"].(string)
	delete(q.Context, "targetingKey")
	value, details, err := evaluate(t, openfeature.NewClient(q.ID), q,
		openfeature.NewEvaluationContext(targetingKey, q.Context))
	// The SDK tells an error twice, and the two must agree.
	require.Equal(t, details.ErrorCode != "", err != nil, "%s: %v", q.ID, err)
	return answer{
		ID: q.ID, Value: value, Type: fmt.Sprintf("%T", value),
		Variant: details.Variant, Reason: string(details.Reason), ErrorCode: string(details.ErrorCode),
	}
}

func provider(q question) *ofrep.Provider {
	key := q.Key
	if key == "" {
		key = os.Getenv("SIGNALBOX_KEY")
	}
	options := []ofrep.Option{ofrep.WithBearerToken(key)}
	if q.Auth == "X-API-Key" {
		options = []ofrep.Option{ofrep.WithApiKeyAuth(key)}
	}
	for name, value := range q.Headers {
		options = append(options, ofrep.WithHeader(name, value))
	}
	return ofrep.NewProvider(os.Getenv("SIGNALBOX_URL")+q.Path, options...)
}

func evaluate(
	t *testing.T, c *openfeature.Client, q question, about openfeature.EvaluationContext,
) (any, openfeature.EvaluationDetails, error) {
	t.Helper()
	switch q.Type {
	case "boolean":
		d, err := c.BooleanValueDetails(t.Context(), q.Flag, q.Default.(bool), about)
		return d.Value, d.EvaluationDetails, err
	case "string":
		d, err := c.StringValueDetails(t.Context(), q.Flag, q.Default.(string), about)
		return d.Value, d.EvaluationDetails, err
	case "integer":
		d, err := c.IntValueDetails(t.Context(), q.Flag, int64(q.Default.(float64)), about)
		return d.Value, d.EvaluationDetails, err
	case "float":
		d, err := c.FloatValueDetails(t.Context(), q.Flag, q.Default.(float64), about)
		return d.Value, d.EvaluationDetails, err
	case "object":
		d, err := c.ObjectValueDetails(t.Context(), q.Flag, q.Default, about)
		return d.Value, d.EvaluationDetails, err
	}
	require.FailNow(t, "no such type", "%s", q.Type)
	return nil, openfeature.EvaluationDetails{}, nil
}
