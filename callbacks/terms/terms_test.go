package terms_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/terms"
)

func TestTermsOfRenderedParameters(t *testing.T) {
	t.Parallel()
	of := func(key string) callbacks.Terms {
		c := terms.Common{DedupeKey: key, DedupeWindow: time.Minute}
		return c.Terms()
	}
	assert.Equal(t, callbacks.Terms{DedupeKey: "disk full", DedupeWindow: time.Minute}, of(" disk\n full\x07 "), "one line that people can read")
	assert.Empty(t, of(" \n").DedupeKey)

	long := strings.Repeat("磁", 200)
	a, b := of(long+"a").DedupeKey, of(long+"b").DedupeKey
	assert.NotEqual(t, a, b, "long keys that differ at their end only")
	assert.LessOrEqual(t, len(a), 200)
	assert.True(t, strings.HasPrefix(a, "磁磁"))
	assert.Equal(t, a, of(long+"a").DedupeKey)
}
