package sqlrow_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

func TestNumbered(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT 1":                             "SELECT 1",
		"a = ? AND b IN (?, ?)":                "a = $1 AND b IN ($2, $3)",
		`a LIKE ? ESCAPE '\' AND b = '?' OR ?`: `a LIKE $1 ESCAPE '\' AND b = '?' OR $2`,
		"a = 'it''s ?' AND b = ?":              "a = 'it''s ?' AND b = $1",
		"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?":      "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11",
		"ü = ?":                                "ü = $1",
	} {
		assert.Equal(t, want, sqlrow.Numbered(query), query)
	}
}
