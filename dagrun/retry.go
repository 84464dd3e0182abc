package dagrun

import (
	"crypto/sha1" //nolint:gosec // Airflow's jitter, not a signature
	"fmt"
	"math"
	"math/big"
	"time"

	"github.com/dingdag/dingdag/dag"
)

// MaxBackoff is Airflow's cap on a delay that grows, of a retry or of the next look of a sensor.
const MaxBackoff = 24 * time.Hour

// RetryDelay returns how long after its end the n-th try of a task is repeated (Airflow,
// TaskInstance.next_retry_datetime): the plain delay, or with backoff the delay times
// m^(n-1) plus a jitter of up to as much again. The jitter is a hash of the instance
// and the try, so a restart finds the same moment. The logical date is zero for a run
// without one.
func RetryDelay(dagID string, t *dag.Task, logicalDate time.Time, n int) time.Duration {
	m := t.RetryExponentialBackoff
	if m == 0 || m == 1 || m < 0 {
		return t.RetryDelay
	}
	delay := MaxBackoff
	if base := math.Ceil(t.RetryDelay.Seconds() * math.Pow(m, float64(n-1))); base < MaxBackoff.Seconds() {
		b := int64(max(base, 1))
		date := "None"
		if !logicalDate.IsZero() {
			date = dag.ISOFormat(logicalDate, " ")
		}
		sum := sha1.Sum(fmt.Appendf(nil, "%s#%s#%s#%d", dagID, t.ID, date, n)) //nolint:gosec // see the import
		jitter := new(big.Int).Mod(new(big.Int).SetBytes(sum[:]), big.NewInt(b)).Int64()
		delay = min(time.Duration(b+jitter)*time.Second, MaxBackoff)
	}
	if t.MaxRetryDelay > 0 {
		delay = min(delay, t.MaxRetryDelay)
	}
	return delay
}
