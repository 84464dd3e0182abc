package standalone

import (
	"context"
	"runtime/debug"
	"runtime/metrics"

	"github.com/dingdag/dingdag/cli/internal/folder"
	"github.com/dingdag/dingdag/dag/dagfile"
)

const (
	// leastGarbage, in per cent of what is in use, is for homes with many DAGs: what lies about
	// there is more than all else.
	leastGarbage = 50
	// mostGarbage is for small ones, which would otherwise collect after each few tasks.
	mostGarbage = 200
	// garbageRoom is what may lie about in any case, in bytes.
	garbageRoom = 12 << 20
)

// collecting sets how often garbage is collected by what is in use once the DAGs are loaded,
// unless GOGC says it.
func collecting(lookupEnv func(string) (string, bool), load folder.Use) folder.Use {
	if _, set := lookupEnv("GOGC"); set {
		return load
	}
	debug.SetGCPercent(leastGarbage)
	return func(ctx context.Context, res dagfile.Result) error {
		err := load(ctx, res)
		debug.SetGCPercent(garbagePercent(inUse()))
		return err
	}
}

// inUse is how many bytes of the heap the last collection has kept.
func inUse() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}

// garbagePercent is a value for GOGC. Nothing is known of the heap before the first collection.
func garbagePercent(inUse uint64) int {
	if inUse == 0 {
		return mostGarbage
	}
	return int(min(max(100*garbageRoom/inUse, leastGarbage), mostGarbage))
}
