package bunstore

import (
	"context"
	"encoding/json"
)

// FlagMirrorForTest is what readers of the original table see of a flag.
type FlagMirrorForTest struct {
	Enabled    bool
	Percentage float64
	Users      []string
}

// FlagMirrorForTest reads the columns that repeat parts of a definition.
func (s *Store) FlagMirrorForTest(ctx context.Context, id int64) (FlagMirrorForTest, error) {
	users := "target_users"
	if s.dialect == postgres {
		users = "array_to_json(target_users)"
	}
	var (
		mirror FlagMirrorForTest
		list   string
	)
	err := s.read.NewSelect().Model((*flagRow)(nil)).ColumnExpr("is_enabled, CAST(rollout_percentage AS double precision), "+users).
		Where("id = ?", id).Scan(ctx, &mirror.Enabled, &mirror.Percentage, &list)
	if err != nil {
		return mirror, err
	}
	return mirror, json.Unmarshal([]byte(list), &mirror.Users)
}
