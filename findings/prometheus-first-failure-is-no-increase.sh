#!/usr/bin/env bash
# For increase() and rate() of Prometheus (here its library 0.316.0, evaluated by promqltest) the first value of a series is where
# counting begins. A counter with a label that client libraries create when it is first counted appears with 1, and this 1 is
# no increase: an hour in which a task failed for the first time gives 0, or nothing when there is one value only. The second failure counts
# as one. A series that was there with 0 before gives 1.
#
# Why it matters: an alert or a panel on increase(failures{task_id="load"}[1h]) > 0 is silent at the first failure after each
# start of what is measured, which is often the only one. Count from 0, as Dingdag does where it knows the labels beforehand, or
# ask as its dashboard does: (c unless c offset 1h) or increase(c[1h]).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'GO'
module finding

go 1.26
GO
cat >finding_test.go <<'GO'
package finding

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
)

// A value a minute: the task fails at minute 30, and in the last series also at minute 50.
const series = `load 1m
failures{task_id="born_at_its_first"} _x29 1x90
failures{task_id="zero_before"} 0x29 1x90
failures{task_id="failed_twice"} _x29 1x19 2x70
`

func TestFinding(t *testing.T) {
	storage := promqltest.LoadedStorage(t, series)
	defer storage.Close()
	engine := promqltest.NewTestEngine(t, false, 0, 1000)
	for _, q := range []string{`increase(failures[1h]) > 0`, `(failures unless failures offset 1h) or increase(failures[1h]) > 0`} {
		for _, minute := range []int{40, 60, 100} {
			query, err := engine.NewInstantQuery(context.Background(), storage, nil, "sort_by_label("+q+", \"task_id\")", time.Unix(int64(minute)*60, 0))
			if err != nil {
				t.Fatal(err)
			}
			got := query.Exec(context.Background())
			v, err := got.Vector()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("%s at minute %d:", q, minute)
			for _, s := range v {
				fmt.Printf(" %s=%.1f", s.Metric.Get("task_id"), s.F)
			}
			fmt.Println()
			query.Close()
		}
	}
}
GO
go get github.com/prometheus/prometheus@v0.316.0 >/dev/null 2>&1
GOFLAGS=-mod=mod go test -count=1 -v . 2>/dev/null | grep 'at minute' | tee seen
diff seen - <<'SEEN'
increase(failures[1h]) > 0 at minute 40: zero_before=1.0
increase(failures[1h]) > 0 at minute 60: failed_twice=1.0 zero_before=1.0
increase(failures[1h]) > 0 at minute 100: failed_twice=1.0
(failures unless failures offset 1h) or increase(failures[1h]) > 0 at minute 40: born_at_its_first=1.0 failed_twice=1.0 zero_before=1.0
(failures unless failures offset 1h) or increase(failures[1h]) > 0 at minute 60: born_at_its_first=1.0 failed_twice=2.0 zero_before=1.0
(failures unless failures offset 1h) or increase(failures[1h]) > 0 at minute 100: failed_twice=1.0
SEEN
echo 'as recorded'
