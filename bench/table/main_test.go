package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const output = `goos: linux
BenchmarkChainBash/plain-2   	       1	      1000 floor-µs/task	         1.200 s/run	         2.116 x-floor	      1500 µs/task
BenchmarkChainBash/plain-2   	       1	      1200 floor-µs/task	         1.200 s/run	         2.116 x-floor	      2640 µs/task
BenchmarkChainBash/plain-2   	       1	      9000 floor-µs/task	         1.200 s/run	         2.116 x-floor	      9000 µs/task
BenchmarkBinary-2      	       1	        36.25 MB
BenchmarkSend/sequential-2   	   10000	     10400 ns/op	    5000 B/op	      60 allocs/op
BenchmarkNetHTTP/sequential-2	   10000	     10000 ns/op	    5000 B/op	      60 allocs/op
PASS
`

func TestTable(t *testing.T) {
	t.Parallel()
	found, err := read(strings.NewReader(output))
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, write(&b, found))
	assert.Equal(t, "| what | result | floor | ratio | target |\n| --- | --- | --- | --- | --- |\n"+
		"| a chain of 500 `bash: \"true\"` | 2640 µs/task | 1200 µs/task | 1.50 | 2 x: met |\n"+
		"| a robot message, one after another | 10400 ns/op | 10000 ns/op | 1.04 | 1.1 x: met |\n"+
		"| its allocations | 60.0 allocs/op | 60.0 allocs/op | 1.00 | 1.15 x: met |\n"+
		"| the binary, stripped | 36.2 MB |  |  | 35 MB: **missed** |\n", b.String())
}

func TestTableOfFailedBenchmarks(t *testing.T) {
	t.Parallel()
	_, err := read(strings.NewReader(output + "--- FAIL: BenchmarkRestart\nFAIL\n"))
	require.ErrorContains(t, err, "failed")
}

// What a row compares is measured, whichever of its figures is asked for.
func TestBenches(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"Send/sequential", "NetHTTP/sequential"}, benches(regexp.MustCompile("/sequential$"))[:2])
	assert.Equal(t, []string{"ChainBash/plain", "ChainBash/fair"}, benches(regexp.MustCompile("^ChainBash")))
	all := benches(regexp.MustCompile(""))
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(all))), len(all), "each once")
	assert.NotContains(t, all, "")
}
