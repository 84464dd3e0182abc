package hook

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSign(t *testing.T) {
	t.Parallel()
	const secret = "SEC000000000000000000000000000000000000000000000000000000000000test"
	for _, tt := range []struct {
		millis                 int64
		timestamp, sign, query string
	}{
		{
			1700000000000, "1700000000000", "bCcJiIKqyObgdvB5UiIbViJlixojz9bQW5dnZbgLAd8=",
			"&timestamp=1700000000000&sign=bCcJiIKqyObgdvB5UiIbViJlixojz9bQW5dnZbgLAd8%3D",
		},
		{
			1700000000001, "1700000000001", "fS6HQ/4Xgd/EWPxXQT9RfM+7GyEAtdaN4UYvZfr44KY=",
			"&timestamp=1700000000001&sign=fS6HQ%2F4Xgd%2FEWPxXQT9RfM%2B7GyEAtdaN4UYvZfr44KY%3D",
		},
	} {
		now := time.UnixMilli(tt.millis)
		timestamp, signature := sign(secret, now)
		assert.Equal(t, tt.timestamp, timestamp)
		assert.Equal(t, tt.sign, signature)
		assert.Equal(t, tt.query, signedQuery(secret, now))
	}
}
