package dagrun

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
)

// The delays with backoff are those that Python computes by Airflow's formula.
func TestRetryDelay(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		delay, max time.Duration
		backoff    float64
		at         time.Time
		try        int
		want       time.Duration
	}{
		"plain":                      {delay: 30 * time.Second, at: midnight, try: 3, want: 30 * time.Second},
		"plain, no cap":              {delay: 30 * time.Second, max: time.Second, at: midnight, try: 3, want: 30 * time.Second},
		"plain for more than a day":  {delay: 48 * time.Hour, at: midnight, try: 1, want: 48 * time.Hour},
		"multiplier 1 is none":       {delay: 30 * time.Second, backoff: 1, at: midnight, try: 3, want: 30 * time.Second},
		"negative multiplier is one": {delay: 30 * time.Second, backoff: -2, at: midnight, try: 3, want: 30 * time.Second},
		"first":                      {delay: 30 * time.Second, backoff: 2, at: midnight, try: 1, want: 41 * time.Second},
		"second":                     {delay: 30 * time.Second, backoff: 2, at: midnight, try: 2, want: 97 * time.Second},
		"third":                      {delay: 30 * time.Second, backoff: 2, at: midnight, try: 3, want: 198 * time.Second},
		"fourth":                     {delay: 30 * time.Second, backoff: 2, at: midnight, try: 4, want: 261 * time.Second},
		"another multiplier":         {delay: 30 * time.Second, backoff: 3, at: midnight, try: 3, want: 378 * time.Second},
		"half a second":              {delay: 30 * time.Second, backoff: 2, at: midnight.Add(500 * time.Millisecond), try: 2, want: 109 * time.Second},
		"no logical date":            {delay: 30 * time.Second, backoff: 2, try: 2, want: 110 * time.Second},
		"at least a second":          {delay: 100 * time.Millisecond, backoff: 2, at: midnight, try: 2, want: time.Second},
		"max_retry_delay":            {delay: 30 * time.Second, max: 100 * time.Second, backoff: 2, at: midnight, try: 4, want: 100 * time.Second},
		"at most a day":              {delay: 30 * time.Second, backoff: 2, at: midnight, try: 13, want: 24 * time.Hour},
		"overflow":                   {delay: 30 * time.Second, backoff: 2, at: midnight, try: 5000, want: 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := &dag.Task{ID: "t", Settings: &dag.Settings{RetryDelay: c.delay, MaxRetryDelay: c.max, RetryExponentialBackoff: c.backoff}}
			assert.Equal(t, c.want, RetryDelay("d", task, c.at, c.try))
		})
	}
}
