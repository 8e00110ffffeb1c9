package flagstore

import (
	"context"
	"encoding/json"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
)

// Mirror is what readers of the original table see of a flag.
type Mirror struct {
	Enabled    bool
	Percentage float64
	Users      []string
}

// MirrorForTest reads the columns that repeat parts of a definition.
func MirrorForTest(ctx context.Context, s *bunstore.Store, id int64) (Mirror, error) {
	users := "target_users"
	if s.Dialect() == bunstore.Postgres {
		users = "array_to_json(target_users)"
	}
	var (
		mirror Mirror
		list   string
	)
	err := s.NewSelect().Model((*flagRow)(nil)).
		ColumnExpr("is_enabled, CAST(rollout_percentage AS double precision), "+users).
		Where("id = ?", id).Scan(ctx, &mirror.Enabled, &mirror.Percentage, &list)
	if err != nil {
		return mirror, err
	}
	return mirror, json.Unmarshal([]byte(list), &mirror.Users)
}
