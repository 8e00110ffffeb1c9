package dberror_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

func TestPostgresCodes(t *testing.T) {
	t.Parallel()
	rows := map[string]*fault.Error{
		"23505": dberror.ErrConflict,
		"40001": fault.ErrContended, "40P01": fault.ErrContended,
		"22001": fault.ErrInvalid, "22021": fault.ErrInvalid,
		"25006": fault.ErrReadOnly,
		"57P01": fault.ErrUnavailable, "57P03": fault.ErrUnavailable, "08006": fault.ErrUnavailable,
		"53300": fault.ErrUnavailable, "28P01": fault.ErrUnavailable, "3D000": fault.ErrUnavailable,
		"42601": nil, "23503": nil,
	}
	for code, want := range rows {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, want, dberror.PostgresMeaningForTest(code))
		})
	}
}

func TestSQLiteCodes(t *testing.T) {
	t.Parallel()
	rows := map[int]*fault.Error{
		2067: dberror.ErrConflict, 1555: dberror.ErrConflict, // unique and primary key
		5: fault.ErrContended, 517: fault.ErrContended, 6: fault.ErrContended, // busy, its snapshot kind, locked
		8: fault.ErrReadOnly, 13: fault.ErrUnavailable, 10: fault.ErrUnavailable, 778: fault.ErrUnavailable,
		14: fault.ErrUnavailable, 18: fault.ErrInvalid,
		1: nil, 787: nil, // an error in the statement, a foreign key
	}
	for code, want := range rows {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, want, dberror.SQLiteMeaningForTest(code))
		})
	}
}
