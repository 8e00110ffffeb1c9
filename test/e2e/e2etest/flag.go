package e2etest

import (
	"net/http"
	"strconv"
	"testing"
)

// FlagsPath is the path of the flags.
const FlagsPath = "/api/v1/feature-flags/"

// Flag has the fields of a flag that tests check.
type Flag struct {
	ID         int64   `json:"id"`
	Version    int64   `json:"version"`
	IsEnabled  bool    `json:"is_enabled"`
	Percentage float64 `json:"rollout_percentage"`
	Salt       string  `json:"salt"`
	Default    any     `json:"default"`
}

// Evaluation is the response of the evaluation that the original service had.
type Evaluation struct {
	Enabled bool   `json:"enabled"`
	Reason  string `json:"reason"`
	Version *int64 `json:"version"`
}

// CreateFlag creates the original service's example in production.
func (c Client) CreateFlag(tb testing.TB) Flag {
	tb.Helper()
	body := Object{
		"name": "new_checkout_flow", "environment": "production", "is_enabled": true,
		"rollout_percentage": 50.0, "target_users": []string{"user123"},
	}
	return Decode[Flag](tb, c.Post(tb, FlagsPath, body).Want(tb, http.StatusCreated))
}

// Path returns the path of the flag.
func (f Flag) Path() string { return FlagsPath + strconv.FormatInt(f.ID, 10) }

// Evaluate evaluates the example for a user.
func (c Client) Evaluate(tb testing.TB, user string) Evaluation {
	tb.Helper()
	return Decode[Evaluation](tb, c.Post(tb, FlagsPath+"evaluate", Object{
		"flag_name": "new_checkout_flow", "environment": "production", "user_id": user,
	}).Want(tb, http.StatusOK))
}
