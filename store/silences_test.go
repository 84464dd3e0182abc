package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store"
)

func TestWhatASilenceIsOf(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]store.Silence{
		"all alerts":                 {},
		"DAG etl":                    {DAGs: []string{"etl"}},
		"DAGs a, b":                  {DAGs: []string{"a", "b"}},
		"task etl.load":              {DAGs: []string{"etl"}, TaskID: "load"},
		"task etl.load to robot ops": {DAGs: []string{"etl"}, TaskID: "load", Robots: []string{"ops"}},
		"robot ops":                  {Robots: []string{"ops"}},
		"DAG etl to robots ops, dev": {DAGs: []string{"etl"}, Robots: []string{"ops", "dev"}},
		"disk-full":                  {Kind: store.SilenceDouble, Key: "disk-full"},
	} {
		assert.Equal(t, want, s.What())
	}
}
