package sqlcheck_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store/sqlstore/sqlcheck"
)

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0.0 KiB", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 3 << 30: "3.0 GiB"} {
		assert.Equal(t, want, sqlcheck.Size(n))
	}
}
