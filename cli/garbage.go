package cli

import (
	"os"
	"runtime"
	"runtime/debug"
)

// The first collection comes at eight times the 4 MiB of Go's default, where most commands have ended.
const (
	usualPercent = 100
	firstPercent = 8 * usualPercent
)

// collectLate puts the first collection of garbage off, which for most commands costs more than it
// gives: they end before 32 MiB. After it the garbage is collected as usual. GOGC overrides that,
// and so does whoever sets a percentage later.
func collectLate() {
	if _, set := os.LookupEnv("GOGC"); set {
		return
	}
	debug.SetGCPercent(firstPercent)
	mark := new([4]*int) // not tiny, so that it is collected by itself
	runtime.AddCleanup(mark, func(struct{}) {
		if now := debug.SetGCPercent(usualPercent); now != firstPercent {
			debug.SetGCPercent(now)
		}
	}, struct{}{})
}
