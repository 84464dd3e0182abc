package cli

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// percent is how much garbage there may be beside what is in use.
func percent() int {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return int(s[0].Value.Uint64())
}

// The first collection is late, and those after it are not.
func TestCollectLate(t *testing.T) { //nolint:paralleltest // the percentage is one for the process
	defer debug.SetGCPercent(percent())
	if v, set := os.LookupEnv("GOGC"); set {
		require.NoError(t, os.Unsetenv("GOGC"))
		defer func() { assert.NoError(t, os.Setenv("GOGC", v)) }() //nolint:usetesting // it was set
	}
	collectLate()
	assert.Equal(t, firstPercent, percent())
	runtime.GC()
	assert.Eventually(t, func() bool { return percent() == usualPercent }, 10*time.Second, time.Millisecond)
}

// What a command sets itself stays.
func TestCollectLateGivesWay(t *testing.T) {
	defer debug.SetGCPercent(percent())
	collectLate()
	debug.SetGCPercent(50)
	for range 3 {
		runtime.GC()
	}
	assert.Never(t, func() bool { return percent() != 50 }, 20*time.Millisecond, 2*time.Millisecond)
	t.Setenv("GOGC", "70")
	collectLate()
	assert.Equal(t, 50, percent())
}
