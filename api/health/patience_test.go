package health_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/connections"
)

func TestStoreThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := health.New(health.Options{Store: hanging{}, Masker: connections.NewMasker(), Clock: time.Now})
		from := time.Now()
		h := c.Check(t.Context())
		assert.Equal(t, health.Patience, time.Since(from))
		assert.Equal(t, health.Store{Status: health.Unhealthy, Error: "no answer within 5s"}, h.Store)
	})
}
